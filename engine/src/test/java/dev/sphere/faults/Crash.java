package dev.sphere.faults;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/**
 * What a power cut leaves on a {@link FaultyDisk}. Bytes are safe once their file was synced, names once their folder was;
 * of the rest anything may be there. That is stricter than most file systems are (syncing a file brings no name to the
 * disk), and as strict as POSIX.
 */
public enum Crash {
  /** The process died, the machine did not. */
  KEPT,
  /** Nothing unsynced is there. */
  LOST,
  /** Names are there, unsynced bytes are not: files are shorter, or empty. */
  NAMES,
  /** Names up to some moment; of each file's unsynced writes those up to some byte, then perhaps zeros. */
  TORN,
  /** Each unsynced write and name is there or not, whatever came before it; gaps are zeros. */
  REORDERED;

  private static final int FOLDER = -1;

  /** Unsynced changes of one file. */
  private static final class Content {
    byte[] safe = new byte[0];
    final List<Change> pending = new ArrayList<>();
  }

  /**
   * Writes what is left after the first {@code n} changes of a disk.
   *
   * @param target an empty folder
   */
  public void leave(FaultyDisk disk, int n, Random random, Path target) throws IOException {
    Map<Integer, Content> contents = new HashMap<>();
    Map<String, Integer> names = new TreeMap<>(); // safe ones; FOLDER for folders
    FaultyDisk.Start start = disk.start();
    start.folders().forEach(folder -> names.put(folder, FOLDER));
    names.putAll(start.files());
    start.contents().forEach((file, bytes) -> content(contents, file).safe = bytes);
    List<Change> pending = new ArrayList<>(); // of names
    for (Change change : disk.changes().subList(0, n)) {
      switch (change) {
        case Change.Write w -> content(contents, w.file()).pending.add(w);
        case Change.Resize r -> content(contents, r.file()).pending.add(r);
        case Change.Sync s -> {
          Content c = content(contents, s.file());
          c.pending.forEach(p -> c.safe = apply(c.safe, p, Integer.MAX_VALUE));
          c.pending.clear();
        }
        case Change.FailedSync s -> { // its length comes to the disk some day, its bytes never: those before stay
          Content c = content(contents, s.file());
          c.pending.replaceAll(p -> p instanceof Change.Write w ? new Change.Write(w.file(), w.at(), before(c.safe, w)) : p);
        }
        case Change.SyncFolder s -> {
          for (Change p : List.copyOf(pending)) {
            if (touches(p, s.path())) {
              apply(names, p);
              pending.remove(p);
            }
          }
        }
        case Change.Said _ -> { }
        default -> pending.add(change);
      }
    }
    int until = random.nextInt(pending.size() + 1);
    for (int i = 0; i < pending.size(); i++) {
      boolean there = switch (this) {
        case KEPT, NAMES -> true;
        case LOST -> false;
        case TORN -> i < until;
        case REORDERED -> random.nextBoolean();
      };
      if (there) {
        apply(names, pending.get(i));
      }
    }
    for (Map.Entry<String, Integer> name : names.entrySet()) {
      Path path = target.resolve(name.getKey());
      if (!Files.isDirectory(path.getParent())) {
        continue; // the folder is lost, and with it what was in it
      }
      if (name.getValue() == FOLDER) {
        Files.createDirectory(path);
      } else {
        Files.write(path, left(content(contents, name.getValue()), random));
      }
    }
  }

  /** What a file holds where something was to be written; zeros behind its end. */
  private static byte[] before(byte[] safe, Change.Write write) {
    byte[] bytes = new byte[write.bytes().length];
    int there = Math.clamp(safe.length - write.at(), 0, bytes.length);
    System.arraycopy(safe, (int) Math.min(write.at(), safe.length), bytes, 0, there);
    return bytes;
  }

  private static Content content(Map<Integer, Content> contents, int file) {
    return contents.computeIfAbsent(file, f -> new Content());
  }

  private byte[] left(Content content, Random random) {
    byte[] bytes = content.safe;
    int length = content.pending.stream().mapToInt(p -> p instanceof Change.Write w ? w.bytes().length : 0).sum();
    int cut = random.nextInt(length + 1);
    boolean zeros = random.nextBoolean();
    for (Change p : content.pending) {
      int size = p instanceof Change.Write w ? w.bytes().length : 0;
      switch (this) {
        case KEPT -> bytes = apply(bytes, p, size);
        case LOST, NAMES -> { }
        case TORN -> {
          if (cut >= 0) {
            int there = Math.min(cut, size);
            bytes = apply(bytes, p, there);
            if (zeros && there < size && p instanceof Change.Write w) {
              bytes = Arrays.copyOf(bytes, Math.max(bytes.length, (int) w.at() + size));
            }
            cut = there < size ? -1 : cut - size;
          }
        }
        case REORDERED -> bytes = random.nextBoolean() ? apply(bytes, p, size) : bytes;
      }
    }
    return bytes;
  }

  /** The bytes after a change of which the first {@code most} bytes came through. */
  private static byte[] apply(byte[] bytes, Change change, int most) {
    if (change instanceof Change.Resize r) {
      return Arrays.copyOf(bytes, (int) r.size());
    }
    Change.Write w = (Change.Write) change;
    int n = Math.min(most, w.bytes().length);
    if (n == 0) {
      return bytes;
    }
    byte[] all = Arrays.copyOf(bytes, Math.max(bytes.length, (int) w.at() + n));
    System.arraycopy(w.bytes(), 0, all, (int) w.at(), n);
    return all;
  }

  private static String folder(String path) {
    return path.contains("/") ? path.substring(0, path.lastIndexOf('/')) : "";
  }

  /** A rename is one change of the two folders: either's sync brings it to the disk. */
  private static boolean touches(Change change, String folder) {
    return switch (change) {
      case Change.Create c -> folder(c.path()).equals(folder);
      case Change.MakeFolder m -> folder(m.path()).equals(folder);
      case Change.Delete d -> folder(d.path()).equals(folder);
      case Change.Rename r -> folder(r.from()).equals(folder) || folder(r.to()).equals(folder);
      default -> false;
    };
  }

  private static void apply(Map<String, Integer> names, Change change) {
    switch (change) {
      case Change.Create c -> names.put(c.path(), c.file());
      case Change.MakeFolder m -> names.put(m.path(), FOLDER);
      case Change.Delete d -> names.remove(d.path());
      case Change.Rename r -> {
        Map<String, Integer> moved = new TreeMap<>();
        names.entrySet().removeIf(e -> {
          boolean is = e.getKey().equals(r.from()) || e.getKey().startsWith(r.from() + "/");
          if (is) {
            moved.put(r.to() + e.getKey().substring(r.from().length()), e.getValue());
          }
          return is;
        });
        names.putAll(moved);
      }
      default -> throw new IllegalArgumentException(change.toString());
    }
  }
}
