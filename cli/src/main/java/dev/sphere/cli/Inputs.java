package dev.sphere.cli;

import java.nio.file.Files;
import java.nio.file.Path;

/** Checks of what a command line names, before any work begins: an IllegalArgumentException is exit status 2. */
final class Inputs {
  private Inputs() {}

  /** A file that must be there. */
  static void require(Path file) {
    if (!Files.isRegularFile(file)) {
      throw new IllegalArgumentException(file + (Files.exists(file) ? " is not a file" : ": no such file"));
    }
  }

  /** A file that is going to be written: its directory must be there. */
  static void requireWritable(Path file) {
    Path directory = file.toAbsolutePath().getParent();
    if (!Files.isDirectory(directory) || !Files.isWritable(directory)) {
      throw new IllegalArgumentException(
          "cannot write " + file + ": " + directory + " is not a directory that can be written to");
    }
    if (Files.isDirectory(file)) {
      throw new IllegalArgumentException("cannot write " + file + ": it is a directory");
    }
  }
}
