package dev.sphere.engine.embedded;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/** Finds a model by what the user calls it: the name of an embedded model, or the path of a GGUF file. */
public final class ModelSource {
  /** The names of the models that Sphere carries: the policy and the smaller one for stage 3. */
  public static final List<String> EMBEDDED = List.of("embedded", "embedded-small");

  private ModelSource() {}

  /**
   * The GGUF file that a name or path means. An embedded model is unpacked into the cache directory, under its hash.
   *
   * @param nameOrPath {@code embedded}, {@code embedded-small}, or a path
   * @throws IllegalArgumentException when there is no such file, with what can be given instead
   */
  public static Path resolve(String nameOrPath) {
    if (EMBEDDED.contains(nameOrPath)) {
      return unpack(nameOrPath);
    }
    Path path = Path.of(nameOrPath);
    if (!Files.isRegularFile(path)) {
      throw new IllegalArgumentException("model " + nameOrPath + ": there is no such file; give the path of a GGUF file or "
          + "one of the embedded models " + String.join(", ", EMBEDDED));
    }
    return path;
  }

  private static Path unpack(String name) {
    try (InputStream in = ModelSource.class.getResourceAsStream(name + ".gguf")) {
      if (in == null) {
        throw new IllegalStateException("model " + name + ": this build of Sphere does not carry it");
      }
      byte[] bytes = in.readAllBytes();
      Path dir = cacheDirectory().resolve("models").resolve(sha256(bytes).substring(0, 16));
      Path file = dir.resolve(name + ".gguf");
      if (!Files.isRegularFile(file) || Files.size(file) != bytes.length) {
        Files.createDirectories(dir);
        Path part = Files.createTempFile(dir, name, ".part");
        Files.write(part, bytes);
        Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      }
      return file;
    } catch (IOException e) {
      throw new UncheckedIOException(
          "unpacking model " + name + " into " + cacheDirectory() + ": " + e.getMessage()
              + "; set XDG_CACHE_HOME to a directory that can be written", e);
    }
  }

  /** {@code XDG_CACHE_HOME/sphere}, else {@code ~/.cache/sphere}: where the native libraries are cached too. */
  public static Path cacheDirectory() {
    String xdg = System.getenv("XDG_CACHE_HOME");
    Path base = xdg != null && !xdg.isBlank() ? Path.of(xdg) : Path.of(System.getProperty("user.home"), ".cache");
    return base.resolve("sphere");
  }

  private static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every JDK has SHA-256", e);
    }
  }
}
