package dev.sphere.engine.store;

import dev.sphere.base.AtomicFile;
import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.Problem;
import dev.sphere.engine.data.Shard;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * Puts runs over parts of a problem set together: one process a GPU (or a machine) searches its part, afterwards the
 * parts are one run. What a run records of a problem depends on the run's identity and that problem alone, so the merged
 * run is the one that a single process would have made: the same records, and byte for byte the same pairs. Readers' flags
 * on the parts' pairs come along.
 */
public final class RunMerge {
  /** In {@link Provenance#information()}: which part a run is, "2/3" for the second of three. */
  public static final String SHARD = "problems.shard";

  /**
   * What came of a merge.
   *
   * @param problems problems of all runs
   * @param ended those that have ended; all of them, or the merged run is to be resumed
   * @param pairs pairs of the problems that have ended
   * @param findings what is missing or damaged in the parts, which stay as they are; the merged run computes it again
   */
  public record Report(int problems, int ended, int pairs, List<Finding> findings) {}

  private record Part(RunFiles files, Provenance provenance, List<Problem> problems, RunScan scan) {}

  /** How the name of a run ends while it is made. */
  static final String MERGING = ".merging";

  private RunMerge() {}

  /**
   * Merges runs.
   *
   * @param runs directories of runs with the same identity over different problems; they may be unfinished, but nobody
   *     may write to them. Runs of {@code --shard 1/n .. n/n} are put in the problem set's order, others one after the
   *     other
   * @param target the merged run's directory; it must not be there
   * @throws StoreException.Refused when the runs do not belong together, are in use, or the target is there
   * @throws StoreException when a run cannot be read, or the target not written; then there is no target
   */
  public static Report merge(List<Path> runs, Path target) {
    if (runs.size() < 2) {
      throw new StoreException.Refused("a merge needs at least two runs, not " + runs.size());
    }
    return merge(runs, target, true);
  }

  /**
   * Merges the shards that the tasks of a scheduler left in a run's directory.
   *
   * @param run the directory that the tasks share; it stays, with its shards
   * @param target the merged run's directory, which must not be there; null: the run's own
   * @throws StoreException.Refused when shards are missing or differ; all are named
   */
  public static Report mergeShards(Path run, Path target) {
    RunFiles files = new RunFiles(run);
    if (target == null && files.isRun()) {
      throw new StoreException.Refused(run + " is merged already: " + files.provenance() + " is there");
    }
    return merge(ShardFolder.complete(run), target == null ? run : target, false);
  }

  /** @param apart the parts are runs of their own, which somebody may be writing, and the target is new */
  private static Report merge(List<Path> runs, Path target, boolean apart) {
    boolean within = !apart && runs.getFirst().startsWith(target);
    if (Files.exists(target) && !within) {
      throw new StoreException.Refused(target + " is there already: give a new directory for the merged run");
    }
    List<RunLock> locks = new ArrayList<>();
    try {
      List<Part> parts = new ArrayList<>();
      for (Path run : runs) {
        RunFiles files = new RunFiles(run);
        files.readProvenance(); // is it a run at all?
        if (apart) {
          locks.add(RunLock.take(run));
        }
        Provenance provenance = files.readProvenance();
        List<Problem> problems = files.readProblems(provenance);
        if (problems == null) {
          Finding lost = RunData.problemsLost(files);
          throw new StoreException(lost.file() + ": " + lost.lost()
              + "; go on with that run's own command and --resume, which writes it again, then merge");
        }
        parts.add(new Part(files, provenance, problems, new RunScan(files, problems, provenance.probe().on(), true)));
      }
      requireSameIdentity(parts);
      return write(parts, inOrder(parts), target);
    } finally {
      locks.forEach(RunLock::close);
    }
  }

  private static void requireSameIdentity(List<Part> parts) {
    Part first = parts.getFirst();
    for (Part part : parts) {
      List<String> differences = withoutProblems(first.provenance()).differences(withoutProblems(part.provenance()));
      if (!differences.isEmpty()) {
        throw new StoreException.Refused("the runs " + first.files().directory() + " and " + part.files().directory()
            + " were made from different things: " + String.join("; ", differences).replace(" in the run and ",
                " in the first and ").replace(" now", " in the other"));
      }
    }
    if (first.provenance().probe().take() > 0) {
      throw new StoreException.Refused("runs with --take cannot be merged: each chose among its own problems, so together they "
          + "are not the run of all of them");
    }
    Map<String, Path> owner = new HashMap<>();
    for (Part part : parts) {
      for (Problem problem : part.problems()) {
        Path other = owner.putIfAbsent(problem.id(), part.files().directory());
        if (other != null) {
          throw new StoreException.Refused("problem " + problem.id() + " is in " + other + " and in "
              + part.files().directory() + ": merge runs over different problems");
        }
      }
    }
  }

  /** Without what names the problems: that is where the parts differ. */
  static Provenance withoutProblems(Provenance p) {
    Map<String, String> identity = new LinkedHashMap<>(p.identity());
    identity.keySet().removeIf(name -> name.startsWith("problems."));
    return new Provenance(identity, Map.of());
  }

  /** All problems: shards dealt out one by one are collected one by one, other runs follow each other. */
  private static List<Problem> inOrder(List<Part> parts) {
    List<Part> shards = new ArrayList<>(parts);
    Set<Integer> numbers = new HashSet<>();
    for (Part part : parts) {
      String shard = part.provenance().information().getOrDefault(SHARD, "");
      if (!shard.matches("[0-9]{1,9}/" + parts.size())) {
        return parts.stream().flatMap(p -> p.problems().stream()).toList();
      }
      int number = Integer.parseInt(shard.substring(0, shard.indexOf('/')));
      if (number < 1 || number > parts.size() || !numbers.add(number)) {
        throw new StoreException.Refused("two of the runs are shard " + shard + ": give each shard once");
      }
      shards.set(number - 1, part);
    }
    return Shard.together(shards.stream().map(Part::problems).toList());
  }

  private static Report write(List<Part> parts, List<Problem> problems, Path target) {
    boolean within = Files.exists(target);
    Path half = within ? target.resolve(MERGING) : target.resolveSibling(target.getFileName() + MERGING);
    try {
      Path folder = half.toAbsolutePath().getParent();
      AtomicFile.createFolders(folder);
      deleteTree(half); // of a merge that was killed
      Files.createDirectory(half);
      RunFiles files = new RunFiles(half);
      if (parts.getFirst().provenance().probe().on()) {
        join(parts, files.probes(), RunScan::probeLog);
      }
      join(parts, files.tree(), RunScan::treeLog);
      join(parts, files.stages(), RunScan::stageLog);
      join(parts, files.results(), RunScan::resultLog);
      PairFlags.merge(parts.stream().map(part -> part.files().directory()).toList(), half);
      Report report;
      // An ordinary run from here on: what opens it checks every record.
      Provenance provenance = provenance(parts);
      try (RunStore store = RunStore.openMerged(half, provenance, problems)) {
        boolean complete = store.ended() == problems.size();
        List<PreferencePair> pairs = complete ? store.finish() : RunData.read(half).pairs();
        List<Finding> findings = parts.stream()
            .flatMap(part -> part.scan().findings(false).stream())
            .filter(f -> !f.file().getFileName().equals(files.pairs().getFileName())) // of all parts, made anew
            .toList();
        report = new Report(problems.size(), store.ended(), pairs.size(), findings);
      }
      Files.deleteIfExists(half.resolve("lock"));
      if (within) {
        moveInto(half, target);
      } else {
        Files.move(half, target, StandardCopyOption.ATOMIC_MOVE);
        AtomicFile.forceFolder(folder);
      }
      return report;
    } catch (FileAlreadyExistsException e) {
      throw new StoreException.Refused(target + " is there already: give a new directory for the merged run");
    } catch (IOException e) {
      throw new StoreException("cannot write the merged run " + target + ": " + e.getMessage(), e);
    } finally {
      deleteTree(half);
    }
  }

  /** File by file, the provenance last: with it the directory is a run. A merge that was killed before is made again. */
  private static void moveInto(Path half, Path target) throws IOException {
    List<Path> moved;
    try (Stream<Path> entries = Files.list(half)) {
      moved = new ArrayList<>(entries.toList());
    }
    Path provenance = new RunFiles(half).provenance();
    moved.remove(provenance);
    for (Path file : moved) {
      Files.move(file, target.resolve(file.getFileName()), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }
    AtomicFile.forceFolder(target);
    Files.move(provenance, target.resolve(provenance.getFileName()), StandardCopyOption.ATOMIC_MOVE);
    AtomicFile.forceFolder(target);
  }

  /** One log of all parts: their records that lack nothing, as they are. */
  private static void join(List<Part> parts, Path to, Function<RunScan, RunLogFile> log) {
    AtomicFile.write(to, out -> parts.forEach(part -> log.apply(part.scan()).copy(out)));
  }

  private static Provenance provenance(List<Part> parts) {
    Provenance.Builder all = Provenance.builder();
    withoutProblems(parts.getFirst().provenance()).identity().forEach(all::identity);
    parts.getFirst().provenance().information().forEach((name, value) -> {
      if (!name.equals(SHARD)) {
        all.information(name, value);
      }
    });
    return all.information("merged.from",
            String.join(", ", parts.stream().map(p -> p.files().directory().toString()).toList()))
        .build();
  }

  /** Deletes what is no longer needed; what cannot be deleted is logged. */
  static void deleteTree(Path root) {
    if (!Files.exists(root)) {
      return;
    }
    try (Stream<Path> tree = Files.walk(root)) {
      for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    } catch (IOException e) {
      System.getLogger(RunMerge.class.getName()).log(System.Logger.Level.WARNING, "cannot delete " + root, e);
    }
  }
}
