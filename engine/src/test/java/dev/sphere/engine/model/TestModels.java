package dev.sphere.engine.model;

import dev.sphere.gguf.ByteVocabulary;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.RandomModel;
import java.nio.file.Path;

/** Small models with random weights and one token a byte. */
final class TestModels {
  private TestModels() {}

  static Path write(Path dir, String like, GgmlType type) {
    Path file = dir.resolve(like + "-" + type.label() + ".gguf");
    RandomModel.write(RandomModel.like(like), ByteVocabulary.metadata(), type, 7, file);
    return file;
  }
}
