package dev.sphere.engine.reward;

import dev.sphere.base.AtomicFile;
import dev.sphere.base.CacheFolder;
import dev.sphere.gguf.GgufWriter;
import dev.sphere.gguf.model.GgufFile;
import dev.sphere.gguf.model.PrmInfo;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * A reward model's file without its head, in the cache: llama.cpp refuses a file with tensors that it does not know. It
 * is made once for a file, and is as large. Its name holds the file's hash and its own, which is compared when it is
 * opened.
 */
final class HeadlessCopy {
  private HeadlessCopy() {}

  /** The copy of a file, open and checked; the caller closes it when the model is loaded. */
  static GgufFile of(GgufFile file) {
    return of(file, CacheFolder.root());
  }

  /** Visible for tests: the same in another cache. */
  static GgufFile of(GgufFile file, Path cache) {
    try {
      Path folder = CacheFolder.of(cache, "prm");
      String prefix = file.sha256().substring(0, 32) + "-";
      List<Path> copies;
      try (Stream<Path> all = Files.list(folder)) {
        copies = all.filter(p -> p.getFileName().toString().startsWith(prefix)).sorted().toList();
      }
      for (Path copy : copies) {
        GgufFile known = verified(copy, prefix);
        if (known != null) {
          return known;
        }
        Files.delete(copy); // torn, or changed by somebody
      }
      return verified(make(file, folder, prefix), prefix);
    } catch (IOException e) {
      throw new UncheckedIOException("copying " + file.path() + " without its head to the cache: " + e.getMessage()
          + "; set XDG_CACHE_HOME to a directory with room for it", e);
    }
  }

  private static GgufFile verified(Path copy, String prefix) throws IOException {
    if (!CacheFolder.isOwn(copy)) {
      return null;
    }
    GgufFile open;
    try {
      open = GgufFile.openModel(copy);
    } catch (RuntimeException damaged) {
      return null;
    }
    if (copy.getFileName().toString().equals(prefix + open.sha256() + ".gguf")) {
      return open;
    }
    open.close();
    return null;
  }

  private static Path make(GgufFile file, Path folder, String prefix) throws IOException {
    GgufWriter writer = new GgufWriter();
    file.metadata().values().forEach((key, value) -> {
      if (!key.startsWith("sphere.prm.")) {
        writer.put(key, value);
      }
    });
    file.tensors().values().stream().filter(t -> !PrmInfo.HEAD_TENSORS.contains(t.name()))
        .forEach(t -> writer.copy(file, t));
    Path part = folder.resolve(".part-" + ProcessHandle.current().pid() + "-" + System.nanoTime() + ".gguf");
    try {
      writer.write(part, AtomicFile.Access.OWN);
      try (GgufFile whole = GgufFile.openModel(part)) {
        Path copy = folder.resolve(prefix + whole.sha256() + ".gguf");
        CacheFolder.publish(part, copy);
        return copy;
      }
    } finally {
      Files.deleteIfExists(part);
    }
  }
}
