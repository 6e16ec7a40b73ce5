package dev.sphere.lab.study;

import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.gguf.GgufValue;
import dev.sphere.gguf.GgufWriter;
import dev.sphere.gguf.model.GgufFile;
import java.io.IOException;
import java.nio.file.Path;

/**
 * Where the training of the study's bases starts: an embedded model that admits longer texts. It can copy and calculate,
 * which a model of that size learns from random weights in hours only.
 */
public final class StudyStart {
  /** Tokens: class 10 with a correction, whatever the task. */
  private static final int CONTEXT = 2048;

  private StudyStart() {}

  /** {@code MODEL OUT NAME}: embedded or embedded-small, the file, and the base's name. */
  public static void main(String[] args) throws IOException {
    try (GgufFile start = GgufFile.openModel(ModelSource.resolve(args[0]))) {
      GgufWriter writer = new GgufWriter().putAll(start.metadata()).put("qwen2.context_length", GgufValue.u32(CONTEXT))
          .put("general.name", GgufValue.string("Sphere " + args[2]))
          .put("sphere.recipe", GgufValue.string("studies/rounds.sh")); // in lab/
      start.tensors().values().forEach(tensor -> writer.copy(start, tensor));
      writer.write(Path.of(args[1]));
    }
  }
}
