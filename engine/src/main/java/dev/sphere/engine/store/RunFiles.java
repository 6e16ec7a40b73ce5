package dev.sphere.engine.store;

import dev.sphere.base.PlainFile;
import dev.sphere.base.Sha256;
import dev.sphere.engine.Problem;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The files of a run.
 *
 * @param directory the run's directory
 */
record RunFiles(Path directory) {
  /** Advice where the provenance is lost. */
  static final String LOST_PROVENANCE = "without it nobody can tell from what the run's records were made: bring it "
      + "back from a copy, or begin anew in another directory";

  /** Provenance; there from the moment on at which the directory is a run. */
  Path provenance() {
    return directory.resolve("run.json");
  }

  /** The problems in their order, with their answers. */
  Path problems() {
    return directory.resolve("problems.jsonl");
  }

  /** One record a problem that was probed; only in runs with a probe. */
  Path probes() {
    return directory.resolve("probe.jsonl");
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

  /** The logs, in the order in which a problem's records come. */
  List<Path> logs() {
    return List.of(probes(), tree(), stages(), results());
  }

  boolean isRun() {
    return Files.exists(provenance());
  }

  Provenance readProvenance() {
    if (!isRun()) {
      throw new StoreException.Refused(directory
          + (Files.isDirectory(ShardFolder.all(directory)) ? " holds shards that are not merged: sphere run merge "
          + directory
          : Files.isDirectory(directory) ? " holds no run (there is no run.json)" : " is not there")
          + ": give the directory that `search --run` made");
    }
    try {
      return Provenance.fromJson(PlainFile.bytes(provenance()));
    } catch (IOException e) {
      throw new StoreException("cannot read " + provenance() + ": " + e.getMessage(), e);
    } catch (StoreException e) {
      throw new StoreException.Refused(directory + ": " + e.getMessage());
    } catch (RuntimeException e) {
      String why = e.getMessage() == null ? e.toString() : e.getMessage().lines().findFirst().orElse("");
      throw new StoreException(provenance() + ": damaged (" + why + "); " + LOST_PROVENANCE, e);
    }
  }

  /** The problems as they were written; empty when their file is missing or is not what the run was made from. */
  Optional<List<Problem>> readProblems(Provenance provenance) {
    try {
      byte[] bytes = problemBytes();
      if (!Sha256.of(bytes).equals(provenance.identity().get(Provenance.PROBLEMS_HASH))) {
        return Optional.empty();
      }
      return Optional.of(new String(bytes, StandardCharsets.UTF_8).lines()
          .map(line -> RecordJson.problem(RecordJson.parse(line.getBytes(StandardCharsets.UTF_8))))
          .toList());
    } catch (IOException e) {
      throw new StoreException("cannot read " + problems() + ": " + e.getMessage(), e);
    }
  }

  /** The bytes of the problems' file; none where it is missing. */
  byte[] problemBytes() throws IOException {
    try (InputStream in = PlainFile.exists(problems()) ? PlainFile.read(problems()) : InputStream.nullInputStream()) {
      return in.readAllBytes();
    }
  }

  /** Deletes a folder; what cannot be deleted is logged. */
  static void deleteTree(Path root) {
    try (Stream<Path> tree = Files.exists(root) ? Files.walk(root) : Stream.empty()) {
      for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    } catch (IOException e) {
      System.getLogger(RunFiles.class.getName()).log(System.Logger.Level.WARNING, "cannot delete " + root, e);
    }
  }
}
