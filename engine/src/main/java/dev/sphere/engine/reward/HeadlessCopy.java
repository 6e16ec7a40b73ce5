package dev.sphere.engine.reward;

import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.gguf.GgufFile;
import dev.sphere.gguf.GgufWriter;
import dev.sphere.gguf.PrmInfo;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A reward model's file without its head, in the cache directory: llama.cpp refuses a file with tensors that it does
 * not know. It is made once for a file, and is as large.
 */
final class HeadlessCopy {
  private HeadlessCopy() {}

  static Path of(GgufFile file) {
    try {
      Path directory = ModelSource.cacheDirectory().resolve("prm");
      Path copy = directory.resolve(file.sha256().substring(0, 32) + ".gguf");
      if (!Files.isRegularFile(copy)) {
        Files.createDirectories(directory);
        GgufWriter writer = new GgufWriter();
        file.metadata().values().forEach((key, value) -> {
          if (!key.startsWith("sphere.prm.")) {
            writer.put(key, value);
          }
        });
        file.tensors().values().stream().filter(t -> !PrmInfo.HEAD_TENSORS.contains(t.name()))
            .forEach(t -> writer.copy(file, t));
        writer.write(copy);
      }
      return copy;
    } catch (IOException e) {
      throw new UncheckedIOException("copying " + file.path() + " without its head to the cache: " + e.getMessage()
          + "; set XDG_CACHE_HOME to a directory with room for it", e);
    }
  }
}
