package dev.sphere.lab.embedded;

import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.make.RandomModel;
import java.nio.file.Path;

/** Where the training of the embedded models starts: their shapes, with random weights. */
final class EmbeddedStart {
  /** Tokens of context: a correction dialogue takes at most about 250. */
  private static final int CONTEXT = 512;

  private EmbeddedStart() {}

  /**
   * The dimensions of a model: qwen2 shape, tied embeddings.
   *
   * @param name {@code embedded} (1.7 million parameters) or {@code embedded-small} (0.6 million)
   * @param vocabulary number of tokens
   */
  static RandomModel.Dimensions shape(String name, int vocabulary) {
    return switch (name) {
      case "embedded" -> new RandomModel.Dimensions(
          name, "qwen2", 4, 192, 3, 1, 64, 512, CONTEXT, 10_000f, 1e-6f, true, vocabulary);
      case "embedded-small" -> new RandomModel.Dimensions(
          name, "qwen2", 3, 128, 2, 1, 64, 320, CONTEXT, 10_000f, 1e-6f, true, vocabulary);
      default -> throw new IllegalArgumentException(
          "no model called " + name + " is made from random weights; there are embedded and embedded-small");
    };
  }

  /** Writes a model of that shape with random weights (F32) and its tokenizer. */
  static void write(String name, long seed, Path out) {
    BytePairTokenizer tokenizer = EmbeddedTokenizer.learn();
    RandomModel.write(shape(name, tokenizer.tokens().size()), EmbeddedTokenizer.metadata(tokenizer), GgmlType.F32, seed, out);
  }
}
