package dev.sphere.trainer.model;

import dev.sphere.gguf.model.GgufFile;
import java.nio.file.Path;

/** Opens models for training. */
public final class TrainableModels {
  private TrainableModels() {}

  /**
   * Opens a GGUF file: qwen2, qwen3, llama or phi3, in F32, F16, BF16 or quantised. Full fine-tuning converts all
   * weights to F32; LoRA leaves the base as it is.
   *
   * @throws IllegalArgumentException naming what training does not support
   * @throws dev.sphere.gguf.GgufException if the file is damaged
   */
  public static GraphModel open(Path gguf, ModelOptions options) {
    try (GgufFile file = GgufFile.openModel(gguf)) {
      return open(file, options);
    }
  }

  /** Opens a file, which may be closed afterwards. */
  public static GraphModel open(GgufFile file, ModelOptions options) {
    return new GraphModel(GgufWeights.architecture(file), new GgufWeights(file), options);
  }

  /** Native memory of training on batches of {@code groups} groups of {@code slots} slots; nothing is loaded. */
  public static Footprint footprint(GgufFile file, ModelOptions options, int groups, int slots) {
    return Footprint.of(GgufWeights.architecture(file), new GgufWeights(file), options, groups, slots);
  }

  /** The most slots whose activations fit into the options' memory; larger micro-batches compute layers twice. */
  public static int wholeTokens(GgufFile file, ModelOptions options) {
    return Footprint.wholeTokens(GgufWeights.architecture(file), new GgufWeights(file), options);
  }
}
