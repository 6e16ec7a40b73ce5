package dev.sphere.base;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/**
 * The model files that a result is made from, held open from before they are hashed until the result is recorded. Every
 * {@link OpenFile#of} in between gives the same files. Thread-safe; close is idempotent.
 */
public final class HeldFiles implements AutoCloseable {
  private final List<OpenFile> files = new ArrayList<>();

  /**
   * Opens files.
   *
   * @param paths may hold null, for a file that is not used
   * @throws UncheckedIOException if one can't be read
   */
  public HeldFiles(Collection<Path> paths) {
    for (Path path : paths) {
      try {
        if (path != null) {
          files.add(OpenFile.held(path));
        }
      } catch (IOException | RuntimeException e) {
        close();
        throw e instanceof RuntimeException r ? r
            : new UncheckedIOException("cannot read " + path + ": " + e.getMessage(), (IOException) e);
      }
    }
  }

  /**
   * Refuses when one of the files has changed. Call it before a result is recorded.
   *
   * @throws FileChangedException naming the file
   */
  public void requireUnchanged() {
    files.forEach(OpenFile::requireUnchanged);
  }

  @Override
  public void close() {
    files.forEach(OpenFile::close);
  }
}
