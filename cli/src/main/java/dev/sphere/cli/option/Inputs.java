package dev.sphere.cli.option;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Checks of what a command line names, before any work begins: an IllegalArgumentException is exit status 2. Every file
 * that a command writes comes through here.
 */
public final class Inputs {
  private Inputs() {}

  /** A file that must be there. */
  public static void require(Path file) {
    if (!Files.isRegularFile(file)) {
      throw new IllegalArgumentException(file + (Files.exists(file) ? " is not a file" : ": no such file"));
    }
  }

  /** A file that is going to be written: its folder is made where it is missing. */
  public static void requireWritable(Path file) {
    checkWritable(file);
    Path directory = file.toAbsolutePath().getParent();
    try {
      Files.createDirectories(directory);
    } catch (IOException e) {
      throw new IllegalArgumentException("cannot write " + file + ": the folder " + directory + " can't be made: " + e, e);
    }
  }

  /** As {@link #requireWritable}, but makes nothing: looks whether the folder is there or could be made. */
  static void checkWritable(Path file) {
    if (Files.isDirectory(file)) {
      throw new IllegalArgumentException("cannot write " + file + ": it is a directory");
    }
    Path directory = file.toAbsolutePath().getParent();
    while (!Files.exists(directory) && directory.getParent() != null) {
      directory = directory.getParent();
    }
    if (!Files.isDirectory(directory) || !Files.isWritable(directory)) {
      throw new IllegalArgumentException(
          "cannot write " + file + ": " + directory + " is not a directory that can be written to");
    }
  }
}
