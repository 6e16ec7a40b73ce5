package dev.sphere.engine.store;

import dev.sphere.base.AtomicFile;
import dev.sphere.engine.Problem;
import dev.sphere.engine.data.Shard;
import java.io.IOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * Where the processes of a scheduler search the shards of one run: {@code RUN/shards/00003} is the third one, whole. A
 * process works in a folder of its own beside it, an attempt, which gets that name when it is whole: by one rename, which
 * takes no lock. A task that is started again goes on with what the fullest attempt before it recorded; one that runs twice
 * computes the same twice, and the second finds the name taken. Neither harms the other.
 */
public final class ShardFolder {
  private static final String ATTEMPT = ".attempt-";

  private final Path run;
  private final Shard shard;

  /**
   * @param run the run's directory, which all shards share
   * @param shard which it is
   */
  public ShardFolder(Path run, Shard shard) {
    this.run = run;
    this.shard = shard;
  }

  /** The folder of all shards. */
  static Path all(Path run) {
    return run.resolve("shards");
  }

  /** The shard's folder, there when it is whole. */
  public Path whole() {
    return all(run).resolve(name(shard.number()));
  }

  static String name(int number) {
    return String.format(Locale.ROOT, "%05d", number);
  }

  /** True for a folder that one process makes for itself, so no lock need keep others out of it. */
  static boolean isOwn(Path directory) {
    String name = directory.getFileName().toString();
    return name.contains(ATTEMPT) || name.endsWith(RunMerge.MERGING);
  }

  /**
   * True when the shard is whole. One that was damaged since becomes an attempt, which the next one goes on with.
   *
   * @throws StoreException.Refused when it, or another shard of the run, was made from something else
   */
  public boolean isWhole(Provenance provenance, List<Problem> problems) {
    Path whole = whole();
    if (!new RunFiles(whole).isRun()) {
      requireSiblings(provenance);
      return false;
    }
    if (!RunData.check(whole).isEmpty()) {
      rename(whole, attempt());
      return false;
    }
    refuseDifferences(whole, RunStore.withProblems(provenance, problems));
    try { // an earlier process may have died, or its disk failed, between the rename and this
      AtomicFile.createFolders(whole);
    } catch (IOException e) {
      throw new StoreException(e.getMessage() + "; mend that and start the task again", e);
    }
    return true;
  }

  /**
   * Begins an attempt.
   *
   * @param provenance what the shard is made from
   * @param problems the shard's
   * @return its folder, with what an earlier attempt recorded, if there is one; opened with {@code resume}
   */
  public Path begin(Provenance provenance, List<Problem> problems) {
    Provenance complete = RunStore.withProblems(provenance, problems);
    Path fullest = attempts().stream()
        .filter(attempt -> new RunFiles(attempt).isRun() && differences(attempt, complete).isEmpty())
        .max(Comparator.comparingLong(ShardFolder::size))
        .orElse(null);
    Path mine = attempt();
    try {
      AtomicFile.createFolders(mine);
    } catch (IOException e) {
      throw new StoreException("cannot make the shard's directory " + mine + ": " + e.getMessage(), e);
    }
    if (fullest != null) {
      RunFiles from = new RunFiles(fullest);
      RunFiles to = new RunFiles(mine);
      RunScan scan = new RunScan(from, problems, provenance.probe().on(), true); // its writer may be at work
      if (provenance.probe().on()) {
        AtomicFile.write(to.probes(), scan.probeLog()::copy);
      }
      AtomicFile.write(to.tree(), scan.treeLog()::copy);
      AtomicFile.write(to.stages(), scan.stageLog()::copy);
      AtomicFile.write(to.results(), scan.resultLog()::copy);
      RunStore.openMerged(mine, provenance, problems).close();
    }
    return mine;
  }

  /** Makes a finished attempt the shard; when another process was faster, it goes. */
  public void finish(Path attempt) {
    if (Files.exists(whole()) || !rename(attempt, whole())) {
      RunMerge.deleteTree(attempt);
    }
  }

  /** False when the name is taken. */
  private static boolean rename(Path from, Path to) {
    try {
      Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
      AtomicFile.forceFolder(to.toAbsolutePath().getParent());
      return true;
    } catch (DirectoryNotEmptyException | FileAlreadyExistsException e) {
      return false;
    } catch (FileSystemException e) {
      if (Files.exists(to)) {
        return false;
      }
      throw new StoreException("cannot name " + from + " " + to + ": " + e.getMessage(), e);
    } catch (IOException e) {
      throw new StoreException("cannot name " + from + " " + to + ": " + e.getMessage(), e);
    }
  }

  private Path attempt() {
    String unique = ProcessHandle.current().pid() + "-" + Long.toHexString(System.nanoTime());
    return all(run).resolve(name(shard.number()) + ATTEMPT + RunLock.host().replaceAll("[^A-Za-z0-9-]", "_") + "-" + unique);
  }

  private List<Path> attempts() {
    return list(run).stream().filter(p -> p.getFileName().toString().startsWith(name(shard.number()) + ATTEMPT)).toList();
  }

  /** What is in the folder of shards, in the order of the names. */
  private static List<Path> list(Path run) {
    if (!Files.isDirectory(all(run))) {
      return List.of();
    }
    try (Stream<Path> entries = Files.list(all(run))) {
      return entries.sorted().toList();
    } catch (IOException e) {
      throw new StoreException("cannot list " + all(run) + ": " + e.getMessage(), e);
    }
  }

  private static long size(Path attempt) {
    RunFiles files = new RunFiles(attempt);
    long size = 0;
    for (Path log : List.of(files.probes(), files.tree(), files.stages(), files.results())) {
      try {
        size += Files.exists(log) ? Files.size(log) : 0;
      } catch (IOException e) {
        return 0; // gone meanwhile
      }
    }
    return size;
  }

  private static List<String> differences(Path there, Provenance now) {
    return new RunFiles(there).readProvenance().differences(now);
  }

  private static void refuseDifferences(Path there, Provenance now) {
    List<String> differences = differences(there, now);
    if (!differences.isEmpty()) {
      throw new StoreException.Refused("the shard " + there + " was made from something else: " + String.join("; ", differences)
          + ". Give the same settings for all shards, or another directory");
    }
  }

  /** A mistake in one task should be known before its work, and not at the merge. */
  private void requireSiblings(Provenance provenance) {
    for (Path other : list(run)) {
      if (!other.equals(whole()) && other.getFileName().toString().matches("[0-9]{5,6}") && new RunFiles(other).isRun()) {
        Provenance there = new RunFiles(other).readProvenance();
        Provenance mine = RunMerge.withoutProblems(provenance);
        refuseDifferences(other, RunMerge.withoutProblems(there).differences(mine), there.information().getOrDefault(RunMerge.SHARD, ""));
        return; // the others were compared with it
      }
    }
  }

  private void refuseDifferences(Path other, List<String> differences, String its) {
    List<String> all = new ArrayList<>(differences);
    if (!its.endsWith("/" + shard.count())) {
      all.addFirst("it is shard " + its + ", this one " + shard);
    }
    if (!all.isEmpty()) {
      throw new StoreException.Refused("the shard " + other + " of the same run was made from something else: "
          + String.join("; ", all) + ". Give the same settings for all shards, or another directory");
    }
  }

  /**
   * The shards of a run that are to be merged, in order.
   *
   * @throws StoreException.Refused when there are none, and naming all that are missing or differ
   */
  static List<Path> complete(Path run) {
    List<Path> there = list(run).stream().filter(p -> p.getFileName().toString().matches("[0-9]{5,6}")).toList();
    if (there.isEmpty()) {
      throw new StoreException.Refused(run + " holds no finished shards in " + all(run)
          + ": search with --shard auto into it, or name the runs to merge and --out");
    }
    Provenance first = new RunFiles(there.getFirst()).readProvenance();
    int count = count(first);
    List<String> wrong = new ArrayList<>();
    for (int number = 1; number <= Math.max(count, there.size()); number++) {
      Path folder = all(run).resolve(name(number));
      if (!there.contains(folder)) {
        int attempts = new ShardFolder(run, new Shard(number, Math.max(count, number), true)).attempts().size();
        wrong.add("shard " + number + "/" + count + " is missing" + (attempts > 0 ? " (begun, not ended)" : ""));
        continue;
      }
      Provenance its = new RunFiles(folder).readProvenance();
      List<String> differences = new ArrayList<>(RunMerge.withoutProblems(first).differences(RunMerge.withoutProblems(its)));
      if (count(its) != count) {
        differences.addFirst("it is one of " + count(its));
      }
      if (!differences.isEmpty()) {
        wrong.add("shard " + number + "/" + count + " differs from the first: " + String.join("; ", differences)
            .replace(" in the run and ", " in the first and ").replace(" now", " in it"));
      }
    }
    if (!wrong.isEmpty()) {
      throw new StoreException.Refused(run + " cannot be merged yet: " + String.join(". ", wrong)
          + ". Start the missing ones again (Slurm: --array with their numbers, --shard auto/" + count + ")");
    }
    return there;
  }

  private static int count(Provenance provenance) {
    String shard = provenance.information().getOrDefault(RunMerge.SHARD, "");
    return shard.matches("[0-9]{1,6}/[0-9]{1,6}") ? Integer.parseInt(shard.substring(shard.indexOf('/') + 1)) : 0;
  }
}
