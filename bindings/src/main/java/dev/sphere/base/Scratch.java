package dev.sphere.base;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** A temporary folder that is deleted with all its content when it is closed or the JVM is stopped. */
public final class Scratch implements AutoCloseable {
  private final Path folder;
  private final Thread atTheEnd = new Thread(this::remove);

  /** Makes a new temporary folder. */
  public Scratch() {
    try {
      folder = Files.createTempDirectory("sphere-scratch");
    } catch (IOException e) {
      throw new UncheckedIOException("cannot make a temporary folder: " + e.getMessage(), e);
    }
    Runtime.getRuntime().addShutdownHook(atTheEnd);
  }

  /** The folder's path. */
  public Path folder() {
    return folder;
  }

  @Override
  public void close() {
    try {
      Runtime.getRuntime().removeShutdownHook(atTheEnd);
    } catch (IllegalStateException e) {
      return; // the JVM is going down, and removes it
    }
    remove();
  }

  private void remove() {
    try (Stream<Path> all = Files.walk(folder)) {
      List<Path> deepest = all.sorted(Comparator.reverseOrder()).toList();
      for (Path p : deepest) {
        Files.deleteIfExists(p);
      }
    } catch (IOException | UncheckedIOException e) {
      System.getLogger(Scratch.class.getName()).log(System.Logger.Level.WARNING, "cannot remove " + folder, e);
    }
  }
}
