package dev.sphere.engine.store;

import dev.sphere.base.AtomicFile;
import dev.sphere.base.PlainFile;
import dev.sphere.engine.Problem;
import dev.sphere.engine.data.Shard;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One shard of a run, in {@code RUN/shards} (see {@link ShardPlaces}): a whole run of its own over the shard's
 * problems.
 */
public final class ShardFolder {
  private final ShardPlaces places;

  /**
   * @param run the run's directory, which all shards share
   * @param shard which it is
   */
  public ShardFolder(Path run, Shard shard) {
    this.places = new ShardPlaces(all(run), "", shard);
    try {
      PlainFile.requireFolders(run, places.whole());
    } catch (IOException e) {
      throw new StoreException.Refused(e.getMessage());
    }
  }

  /** The folder of all shards. */
  static Path all(Path run) {
    return run.resolve("shards");
  }

  /** The shard's folder, there when it is whole. */
  public Path whole() {
    return places.whole();
  }

  /** The identity of a shard, but for its problems: there the shards differ. */
  static Map<String, String> identity(Provenance provenance) {
    Map<String, String> identity = new LinkedHashMap<>(RunMerge.withoutProblems(provenance));
    identity.put(ShardPlaces.SHARD, provenance.information().getOrDefault(RunMerge.SHARD, ""));
    return identity;
  }

  static Optional<Map<String, String>> identity(Path shard) {
    return new RunFiles(shard).isRun() ? Optional.of(identity(Provenance.of(shard))) : Optional.empty();
  }

  /**
   * True when the shard is whole. One that was damaged since becomes an attempt, which the next one goes on with.
   *
   * @throws StoreException.Refused when it, or another shard of the run, was made from something else
   */
  public boolean isWhole(Provenance provenance, List<Problem> problems) {
    Path whole = whole();
    places.requireSame(identity(provenance), ShardFolder::identity);
    if (!new RunFiles(whole).isRun()) {
      return false;
    }
    RunIdentity.require("the shard " + whole, Provenance.of(whole).identity(), provenance.of(problems).identity(),
        "Give the same problems, or another directory");
    if (!RunReader.check(whole).isEmpty()) {
      ShardPlaces.rename(whole, places.attempt());
      return false;
    }
    try { // an earlier process may have died, or its disk failed, between the rename and this
      AtomicFile.forceFolder(whole.toAbsolutePath().getParent());
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
    Map<String, String> identity = provenance.of(problems).identity();
    Optional<Path> fullest = places.attempts().stream()
        .filter(there -> new RunFiles(there).isRun()
            && RunIdentity.differences(Provenance.of(there).identity(), identity).isEmpty())
        .max(Comparator.comparingLong(ShardFolder::size));
    Path mine = places.attempt();
    try {
      AtomicFile.createFolders(mine);
    } catch (IOException e) {
      throw new StoreException("cannot make the shard's directory " + mine + ": " + e.getMessage(), e);
    }
    fullest.ifPresent(there -> { // its writer may be at work
      RunReader.copy(List.of(RunReader.open(there).withTrees(line -> {})), new RunFiles(mine));
      RunFolder.write(new RunFiles(mine), provenance.of(problems), problems);
    });
    return mine;
  }

  /** Makes a finished attempt the shard; when another process was faster, it goes. */
  public void finish(Path attempt) {
    if (!places.finish(attempt)) {
      RunFiles.deleteTree(attempt);
    }
  }

  private static long size(Path attempt) {
    long size = 0;
    for (Path log : new RunFiles(attempt).logs()) {
      try {
        size += Files.exists(log) ? Files.size(log) : 0;
      } catch (IOException e) {
        return 0; // gone meanwhile
      }
    }
    return size;
  }
}
