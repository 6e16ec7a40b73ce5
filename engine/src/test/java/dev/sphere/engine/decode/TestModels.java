package dev.sphere.engine.decode;

import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.RandomModel;
import java.nio.file.Path;

/** Small models with random weights and one token a byte. */
final class TestModels {
  /** Rows that are whole blocks of the K types. */
  private static final RandomModel.Dimensions BLOCKS =
      new RandomModel.Dimensions("blocks", "qwen2", 2, 256, 4, 2, 64, 512, 1024, 1e4f, 1e-6f, true, 0);

  private TestModels() {}

  /** A model of this shape; of a wider one where the type's blocks are wider than its rows. */
  static Path write(Path dir, String like, GgmlType type) {
    Path file = dir.resolve(like + "-" + type.label() + ".gguf");
    RandomModel.Dimensions shape = type.blockSize() > 32 ? BLOCKS : RandomModel.like(like);
    RandomModel.write(shape, ByteVocabulary.metadata(), type, 7, file);
    return file;
  }
}
