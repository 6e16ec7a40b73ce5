package dev.sphere.engine.store;

import dev.sphere.base.AtomicFile;
import dev.sphere.engine.data.Shard;
import java.io.IOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * The names under which the tasks of a scheduler put the shards of one result into a folder: {@code 00003} is the third
 * one, whole. A task works under a name of its own, an attempt, which becomes the shard by one rename: that takes no
 * lock. A task that is started again goes on with the fullest attempt; one that runs twice computes the same twice, and
 * the second finds the name taken.
 *
 * @param folder of all shards
 * @param ending of the names of whole shards; empty for folders
 * @param shard this task's
 */
public record ShardPlaces(Path folder, String ending, Shard shard) {
  /** The entry in the identity of a shard that says which it is: "3/8". */
  public static final String SHARD = "shard";

  private static final String ATTEMPT = ".attempt-";

  /** The shard's place, taken when it is whole. */
  public Path whole() {
    return folder.resolve(name() + ending);
  }

  private String name() {
    return String.format(Locale.ROOT, "%05d", shard.number());
  }

  /** A place that no other process and no other call uses. */
  public Path attempt() {
    return folder.resolve(name() + ATTEMPT + RunLock.host().replaceAll("[^A-Za-z0-9-]", "_") + "-"
        + ProcessHandle.current().pid() + "-" + Long.toHexString(System.nanoTime()));
  }

  /** The attempts that other tasks left, or are at work in. */
  public List<Path> attempts() {
    return list(folder).filter(p -> p.getFileName().toString().startsWith(name() + ATTEMPT)).toList();
  }

  /** True for an attempt: it is one process's own, so no lock need keep others out of it. */
  static boolean isAttempt(Path place) {
    return place.getFileName().toString().contains(ATTEMPT);
  }

  private static Stream<Path> list(Path folder) {
    try (Stream<Path> entries = Files.isDirectory(folder) ? Files.list(folder) : Stream.empty()) {
      return entries.filter(p -> !Files.isSymbolicLink(p)).sorted().toList().stream();
    } catch (IOException e) {
      throw new StoreException("cannot list " + folder + ": " + e.getMessage(), e);
    }
  }

  /** Names an attempt the shard; false when the name is taken. */
  boolean finish(Path attempt) {
    return !Files.exists(whole()) && rename(attempt, whole());
  }

  static boolean rename(Path from, Path to) {
    try {
      Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
      AtomicFile.forceFolder(to.toAbsolutePath().getParent());
      return true;
    } catch (DirectoryNotEmptyException | FileAlreadyExistsException e) {
      return false;
    } catch (IOException e) {
      if (Files.exists(from) && Files.exists(to)) {
        return false;
      }
      throw new StoreException("cannot name " + from + " " + to + ": " + e.getMessage(), e);
    }
  }

  /**
   * Refuses a task with other settings than those of the shards that are whole, before it works.
   *
   * @param identity what the task's shard is made from
   * @param read the identity of a shard; empty for one that is damaged
   * @throws StoreException.Refused naming what differs
   */
  public void requireSame(Map<String, String> identity, Function<Path, Optional<Map<String, String>>> read) {
    for (Map.Entry<Integer, Path> other : whole(folder, ending).entrySet()) {
      Optional<Map<String, String>> there = read.apply(other.getValue());
      if (there.isPresent()) {
        RunIdentity.require("the shard " + other.getValue(), there.get(), of(identity, other.getKey(), shard.count()),
            "Give the same settings for all shards, or another place");
        return; // the others were compared with it
      }
    }
  }

  private static Map<String, String> of(Map<String, String> identity, int number, int count) {
    Map<String, String> its = new LinkedHashMap<>(identity);
    its.put(SHARD, number + "/" + count);
    return its;
  }

  private static SortedMap<Integer, Path> whole(Path folder, String ending) {
    SortedMap<Integer, Path> whole = new TreeMap<>();
    list(folder).filter(p -> p.getFileName().toString().matches("[0-9]{5,6}" + ending.replace(".", "\\."))).forEach(p ->
        whole.put(Integer.parseInt(p.getFileName().toString().replace(ending, "")), p));
    return whole;
  }

  /**
   * The shards that are to be merged, in order.
   *
   * @param read the identity of a shard; empty for one that is damaged
   * @throws StoreException.Refused when there are none, and naming all that are missing, damaged or made from something
   *     else
   */
  public static List<Path> complete(
      Path folder, String ending, Function<Path, Optional<Map<String, String>>> read) {
    SortedMap<Integer, Path> there = whole(folder, ending);
    Map<Integer, Optional<Map<String, String>>> identities = new TreeMap<>();
    there.forEach((number, place) -> identities.put(number, read.apply(place)));
    Map<String, String> first = identities.values().stream().flatMap(Optional::stream).findFirst()
        .orElseThrow(() -> new StoreException.Refused("there are no finished shards in " + folder
            + ": give --shard auto to the command that makes them"));
    String its = first.getOrDefault(SHARD, "");
    int count = its.matches("[0-9]{1,6}/[0-9]{1,6}") ? Integer.parseInt(its.substring(its.indexOf('/') + 1)) : 0;
    List<String> wrong = new ArrayList<>();
    for (int number = 1; number <= Math.max(count, there.lastKey()); number++) {
      String name = "shard " + number + "/" + count;
      if (!there.containsKey(number)) {
        Shard shard = new Shard(number, Math.max(count, number), true);
        boolean begun = !new ShardPlaces(folder, ending, shard).attempts().isEmpty();
        wrong.add(name + " is missing" + (begun ? " (begun, not ended)" : ""));
      } else if (identities.get(number).isEmpty()) {
        wrong.add(name + " is damaged");
      } else {
        List<String> differences = RunIdentity.differences(identities.get(number).get(), of(first, number, count));
        if (!differences.isEmpty()) {
          wrong.add(name + " differs: " + String.join("; ", differences));
        }
      }
    }
    if (!wrong.isEmpty()) {
      throw new StoreException.Refused(folder + " cannot be merged yet: " + String.join(". ", wrong)
          + ". Start those again (Slurm: --array with their numbers, --shard auto/" + count + ")");
    }
    return List.copyOf(there.values());
  }
}
