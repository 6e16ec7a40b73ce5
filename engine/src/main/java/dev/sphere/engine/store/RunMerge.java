package dev.sphere.engine.store;

import dev.sphere.base.AtomicFile;
import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.Problem;
import dev.sphere.engine.data.Shard;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Puts runs over parts of a problem set together: one process a GPU (or a machine) searches its part, afterwards the
 * parts are one run. What a run records of a problem depends on the run's identity and that problem alone, so the
 * merged run is the one that a single process would have made: the same records, and byte for byte the same pairs.
 * Readers' flags on the parts' pairs come along.
 */
public final class RunMerge {
  /** In {@link Provenance#information()}: which part a run is, "2/3" for the second of three. */
  public static final String SHARD = "problems.shard";

  /**
   * The merged run.
   *
   * @param problems problems of all runs
   * @param ended those that have ended; all of them, or the merged run is to be resumed
   * @param pairs pairs of the problems that have ended
   * @param findings what is missing or damaged in the parts, which stay as they are; the merged run computes it again
   */
  public record Report(int problems, int ended, int pairs, List<Finding> findings) {}

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
    List<RunLock> locks = new ArrayList<>();
    try {
      for (Path run : runs) {
        Provenance.of(run); // is it a run at all?
        locks.add(RunLock.take(run));
      }
      return merged(runs, target);
    } finally {
      locks.forEach(RunLock::close);
    }
  }

  /**
   * Merges the shards that the tasks of a scheduler left in a run's directory.
   *
   * @param run the directory that the tasks share; it stays, with its shards
   * @param target the merged run's directory: {@code run} (null: too), or one that is not there
   * @throws StoreException.Refused when shards are missing or differ; all are named
   */
  public static Report mergeShards(Path run, Path target) {
    return merged(ShardPlaces.complete(ShardFolder.all(run), "", ShardFolder::identity), target == null ? run : target);
  }

  private static Report merged(List<Path> runs, Path target) {
    if (new RunFiles(target).isRun() || Files.exists(target) && !Files.isDirectory(ShardFolder.all(target))) {
      throw new StoreException.Refused(target + " is there already: give a new directory for the merged run");
    }
    List<RunReader> parts = runs.stream().map(run -> RunReader.open(run).withTrees(line -> {})).toList();
    requireOneIdentity(parts);
    List<Problem> problems = inOrder(parts);
    Map<String, Problem> unique = new HashMap<>();
    for (Problem problem : problems) {
      if (unique.put(problem.id(), problem) != null) {
        throw new StoreException.Refused("problem " + problem.id() + " is in two of the runs: merge runs over "
            + "different problems");
      }
    }
    boolean there = Files.exists(target);
    try {
      return write(parts, problems, new RunFiles(target));
    } catch (RuntimeException e) {
      if (!there) {
        RunFiles.deleteTree(target);
      }
      throw e;
    }
  }

  private static void requireOneIdentity(List<RunReader> parts) {
    RunReader first = parts.getFirst();
    for (RunReader part : parts) {
      RunIdentity.require("the run " + part.files().directory(), withoutProblems(part.provenance()),
          withoutProblems(first.provenance()), "Merge runs of the same search");
    }
    if (first.provenance().probe().take() > 0) {
      throw new StoreException.Refused("runs with --take cannot be merged: each chose among its own problems, so "
          + "together they are not the run of all of them");
    }
  }

  /** The identity without what names the problems: that is where the parts differ. */
  static Map<String, String> withoutProblems(Provenance p) {
    Map<String, String> identity = new LinkedHashMap<>(p.identity());
    identity.keySet().removeIf(name -> name.startsWith("problems."));
    return identity;
  }

  /** All problems: shards dealt out one by one are collected one by one, other runs follow each other. */
  private static List<Problem> inOrder(List<RunReader> parts) {
    Map<String, List<Problem>> shards = new HashMap<>();
    parts.forEach(part -> shards.put(part.provenance().information().get(SHARD), part.problems()));
    List<List<Problem>> dealt = new ArrayList<>();
    for (int number = 1; number <= parts.size(); number++) {
      dealt.add(shards.get(number + "/" + parts.size()));
    }
    return dealt.contains(null) ? parts.stream().flatMap(p -> p.problems().stream()).toList() : Shard.together(dealt);
  }

  /** The provenance comes last: with it the directory is a run. A merge that was killed before is made again. */
  private static Report write(List<RunReader> parts, List<Problem> problems, RunFiles target) {
    Map<String, RunReader> owners = new HashMap<>();
    parts.forEach(part -> part.problems().forEach(p -> owners.put(p.id(), part)));
    List<PreferencePair> pairs =
        RunReader.pairs(problems.stream().flatMap(p -> owners.get(p.id()).stagesOf(p.id()).stream()));
    List<Path> runs = parts.stream().map(part -> part.files().directory()).toList();
    byte[] flags = PairFlags.merged(runs);
    try {
      AtomicFile.createFolders(target.directory());
    } catch (IOException e) {
      throw new StoreException("cannot make the merged run's directory " + target.directory() + ": " + e.getMessage(),
          e);
    }
    RunReader.copy(parts, target);
    if (flags.length > 0) {
      AtomicFile.write(PairFlags.in(target.directory()), out -> out.write(flags));
    }
    int ended = parts.stream().mapToInt(RunReader::ended).sum();
    if (ended == problems.size()) {
      PairsFile.write(target.pairs(), pairs);
    }
    Map<String, String> information = new LinkedHashMap<>(parts.getFirst().provenance().information());
    information.remove(SHARD);
    information.put("merged.from", String.join(", ", runs.stream().map(Path::toString).toList()));
    Provenance merged = new Provenance(withoutProblems(parts.getFirst().provenance()), information);
    RunFolder.write(target, merged.of(problems), problems);
    List<Finding> findings = parts.stream().flatMap(part -> part.findings(false).stream())
        .filter(f -> !f.file().endsWith("pairs.jsonl")).toList(); // the pairs of all parts are made anew
    return new Report(problems.size(), ended, pairs.size(), findings);
  }
}
