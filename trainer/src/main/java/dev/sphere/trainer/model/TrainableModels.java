package dev.sphere.trainer.model;

import dev.sphere.gguf.GgufFile;
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
      return new GraphModel(GgufWeights.architecture(file), new GgufWeights(file), options);
    }
  }

  /**
   * What training would take, without loading anything.
   *
   * @param groups rows of a batch
   * @param slots token slots of each row
   * @throws IllegalArgumentException naming what training does not support
   */
  public static Footprint footprint(Path gguf, ModelOptions options, int groups, int slots) {
    try (GgufFile file = GgufFile.openModel(gguf)) {
      return Footprint.of(GgufWeights.architecture(file), new GgufWeights(file), options, groups, slots);
    }
  }
}
