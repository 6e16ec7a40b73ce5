package dev.sphere.engine.store;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The files of a run.
 *
 * @param directory the run's directory
 */
record RunFiles(Path directory) {
  static final int FORMAT = 1;

  /** Provenance; there from the moment on at which the directory is a run. */
  Path provenance() {
    return directory.resolve("run.json");
  }

  /** The problems in their order, with their answers. */
  Path problems() {
    return directory.resolve("problems.jsonl");
  }

  /** One record an expansion, pruned candidates included. */
  Path tree() {
    return directory.resolve("tree.jsonl");
  }

  /** One record a stage of a problem. */
  Path stages() {
    return directory.resolve("stages.jsonl");
  }

  /** One record a problem that has ended. */
  Path results() {
    return directory.resolve("results.jsonl");
  }

  /** All pairs in the problems' order; written when the run has ended. */
  Path pairs() {
    return directory.resolve("pairs.jsonl");
  }

  boolean isRun() {
    return Files.exists(provenance());
  }

  Provenance readProvenance() {
    if (!isRun()) {
      throw new StoreException.Refused(
          directory + (Files.isDirectory(directory) ? " holds no run" : " is not there")
              + ": give the directory that `search --run` made");
    }
    try {
      return Provenance.fromJson(Files.readAllBytes(provenance()));
    } catch (IOException | RuntimeException e) {
      throw new StoreException("cannot read " + provenance() + ": " + e.getMessage(), e);
    }
  }
}
