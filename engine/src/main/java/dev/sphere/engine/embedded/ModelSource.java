package dev.sphere.engine.embedded;

import dev.sphere.base.AtomicFile;
import dev.sphere.base.CacheFolder;
import dev.sphere.base.Sha256;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** Finds a model by the name of an embedded one or by the path of a GGUF file. */
public final class ModelSource {
  /**
   * The names of the embedded models: the policy, the smaller one for stage 3, and the demo's base, which has seen classes 1
   * to 3 of the chains alone.
   */
  public static final List<String> EMBEDDED = List.of("embedded", "embedded-small", "embedded-chain");

  private ModelSource() {}

  /**
   * The GGUF file that a name or path means. An embedded model is unpacked into the cache, under its hash; one that is
   * there is compared with what is carried, byte for byte.
   *
   * @param nameOrPath one of {@link #EMBEDDED}, or a path
   * @throws IllegalArgumentException when there is no such file, with what can be given instead
   */
  public static Path resolve(String nameOrPath) {
    if (EMBEDDED.contains(nameOrPath)) {
      return unpack(CacheFolder.root(), nameOrPath);
    }
    Path path = Path.of(nameOrPath);
    if (!Files.isRegularFile(path)) {
      throw new IllegalArgumentException("model " + nameOrPath + ": there is no such file; give the path of a GGUF file or "
          + "one of the embedded models " + String.join(", ", EMBEDDED));
    }
    return path;
  }

  /** Visible for tests: unpacks an embedded model below {@code cache}, if it isn't there as it is carried. */
  static Path unpack(Path cache, String name) {
    try (InputStream in = ModelSource.class.getResourceAsStream(name + ".gguf")) {
      if (in == null) {
        throw new IllegalStateException("model " + name + ": this build of Sphere does not carry it");
      }
      byte[] bytes = in.readAllBytes();
      Path folder = CacheFolder.of(cache, "models", Sha256.of(bytes).substring(0, 16));
      Path file = folder.resolve(name + ".gguf");
      if (!CacheFolder.isOwn(file) || !Arrays.equals(Files.readAllBytes(file), bytes)) {
        CacheFolder.write(file, bytes);
      }
      return file;
    } catch (IOException e) {
      throw new UncheckedIOException(
          "unpacking model " + name + " into " + cache + ": " + e.getMessage()
              + AtomicFile.remedy(e) + ", or set XDG_CACHE_HOME to a folder that can be written", e);
    }
  }
}
