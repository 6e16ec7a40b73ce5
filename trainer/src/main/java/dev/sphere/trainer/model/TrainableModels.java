package dev.sphere.trainer.model;

import dev.sphere.bindings.tensor.TensorType;
import dev.sphere.gguf.model.GgufFile;
import java.nio.file.Path;

/** Opens models for training. */
public final class TrainableModels {
  private TrainableModels() {}

  /**
   * Opens a GGUF file: qwen2, qwen3, llama or phi3, in F32, F16, BF16 or quantised. Full fine-tuning turns all
   * weights into F32; LoRA leaves the base as it is.
   *
   * @throws IllegalArgumentException naming what training does not support
   * @throws dev.sphere.gguf.GgufException if the file is damaged
   */
  public static GraphModel open(Path gguf, ModelOptions options) {
    try (GgufFile file = GgufFile.openModel(gguf)) {
      return open(file, options);
    }
  }

  /** Opens a file that was checked before; it may be closed afterwards. */
  public static GraphModel open(GgufFile file, ModelOptions options) {
    return new GraphModel(GgufWeights.architecture(file), new GgufWeights(file), options);
  }

  /**
   * Cost of training, without loading anything.
   *
   * @param footprint native memory
   * @param layerFlops floating-point operations of one slot's forward pass in the layers' products
   * @param headFlops of one prediction in the head
   * @param halfProducts whether the layers' products round their factors to BF16
   */
  public record Cost(Footprint footprint, double layerFlops, double headFlops, boolean halfProducts) {}

  /** The cost for batches of {@code groups} rows of {@code slots} slots. */
  public static Cost cost(GgufFile file, ModelOptions options, int groups, int slots) {
    Architecture shape = GgufWeights.architecture(file);
    GgufWeights source = new GgufWeights(file);
    long elements = 0;
    boolean half = false;
    for (String name : ModelTensors.of(shape, source)) {
      if (ModelOptions.LINEAR_LAYERS.contains(ModelTensors.layerPart(name))) {
        elements += file.tensor(name).elements();
        half |= options.products().half(options.lora() ? source.type(name) : TensorType.F32);
      }
    }
    return new Cost(
        Footprint.of(shape, source, options, groups, slots), 2.0 * elements,
        2.0 * shape.width() * (options.rewardHead() ? shape.width() : shape.vocabulary()), half);
  }

  /**
   * The most slots whose activations all fit into the options' memory: larger micro-batches compute layers twice.
   *
   * @throws IllegalArgumentException naming what training does not support
   */
  public static int wholeTokens(GgufFile file, ModelOptions options) {
    return Footprint.wholeTokens(
        GgufWeights.architecture(file), new GgufWeights(file), options, Math.min(options.microTokens(), 1024));
  }
}
