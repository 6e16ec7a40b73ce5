package dev.sphere.faults;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * A disk for tests, in a folder: all that is done to it through {@link #root} is recorded, in order, so that {@link Crash}
 * can tell what a power cut would have left at any moment; and any change can be made to fail. Nothing waits for the real
 * disk. The root's path is one of a file system of its own: programs need not know.
 */
public final class FaultyDisk {
  /** How a disk fails, from the n-th change on. */
  public enum Fault {
    /** One change fails; those after it succeed. */
    ONCE,
    /** All changes fail from then on, as when a disk is gone or mounted read-only. */
    FOREVER,
    /** Nothing can be made longer any more; names can still change, and files become shorter. */
    FULL
  }

  private final Path folder;
  private final FaultyFileSystem system;
  private final List<Change> changes = new ArrayList<>();
  private final Map<String, Integer> files = new TreeMap<>(); // by path, relative to the folder
  private final Map<Integer, byte[]> before = new HashMap<>(); // what files held when the disk was mounted
  private final List<String> foldersBefore = new ArrayList<>();
  private final Map<String, Integer> filesBefore = new TreeMap<>();
  private int next;
  private int counted;
  private int failing = Integer.MAX_VALUE;
  private Fault fault;
  private String failed;
  private boolean locks = true;

  /** Mounts what is in a folder. */
  public FaultyDisk(Path folder) throws IOException {
    this.folder = folder.toRealPath();
    this.system = new FaultyFileSystem(this);
    try (Stream<Path> all = Files.walk(this.folder)) {
      for (Path path : all.filter(p -> !p.equals(this.folder)).sorted().toList()) {
        if (Files.isDirectory(path)) {
          foldersBefore.add(name(path));
        } else {
          files.put(name(path), next);
          before.put(next++, Files.readAllBytes(path));
        }
      }
    }
    filesBefore.putAll(files);
  }

  /** The folder, as a path whose changes are recorded. */
  public Path root() {
    return system.wrap(folder);
  }

  /** All that was done so far. */
  public synchronized List<Change> changes() {
    return List.copyOf(changes);
  }

  /** How many changes there were; those that failed count too. */
  public synchronized int count() {
    return counted;
  }

  /** Notes that the program has said that something is done. */
  public synchronized void said(String what) {
    changes.add(new Change.Said(what));
  }

  /** Makes the n-th change fail, from 1. */
  public synchronized void fail(int n, Fault how) {
    failing = n;
    fault = how;
  }

  /** Makes nothing fail any more. */
  public synchronized void mend() {
    fault = null;
  }

  /** Lets nobody lock a file any more, as some network file systems do. */
  public void withoutLocks() {
    locks = false;
  }

  void lock() throws IOException {
    if (!locks) {
      throw new IOException("No locks available");
    }
  }

  /** The first change that was made to fail; null while there was none. */
  public synchronized String failed() {
    return failed;
  }

  /** What was there when the disk was mounted. */
  record Start(List<String> folders, Map<String, Integer> files, Map<Integer, byte[]> contents) {}

  Start start() {
    return new Start(foldersBefore, filesBefore, before);
  }

  private String name(Path path) {
    return folder.relativize(path.toAbsolutePath().normalize()).toString();
  }

  /** The number of a file that is there; null for none. */
  synchronized Integer file(Path real) {
    return files.get(name(real));
  }

  /** What is done to the real folder. */
  @FunctionalInterface
  interface Deed {
    void run() throws IOException;
  }

  /** Does a change and records it, or lets it fail. */
  private void change(Change change, boolean grows, Deed deed) throws IOException {
    counted++;
    boolean fails = fault != null && switch (fault) {
      case ONCE -> counted == failing;
      case FOREVER -> counted >= failing;
      case FULL -> counted >= failing && grows;
    };
    if (fails) {
      failed = failed == null ? change.getClass().getSimpleName() : failed;
      if (change instanceof Change.Sync sync) {
        changes.add(new Change.FailedSync(sync.file()));
      }
      throw new IOException(fault == Fault.FULL ? "No space left on device" : "Input/output error");
    }
    deed.run();
    changes.add(change);
  }

  synchronized void write(int file, long at, byte[] bytes, RandomAccessFile real) throws IOException {
    try {
      change(new Change.Write(file, at, bytes), true, () -> put(real, at, bytes));
    } catch (IOException e) {
      if (fault != null && fault != Fault.FOREVER) { // a part of it may have come through
        byte[] half = Arrays.copyOf(bytes, bytes.length / 2);
        put(real, at, half);
        changes.add(new Change.Write(file, at, half));
      }
      throw e;
    }
  }

  private static void put(RandomAccessFile file, long at, byte[] bytes) throws IOException {
    file.seek(at);
    file.write(bytes);
  }

  synchronized void resize(int file, long size, Deed deed) throws IOException {
    change(new Change.Resize(file, size), false, deed);
  }

  synchronized void sync(int file) throws IOException {
    change(new Change.Sync(file), true, () -> {});
  }

  synchronized void syncFolder(Path real) throws IOException {
    if (!real.toAbsolutePath().normalize().startsWith(folder)) {
      return; // a folder above the disk
    }
    change(new Change.SyncFolder(name(real)), false, () -> {});
  }

  synchronized int create(Path real, Deed deed) throws IOException {
    int file = next;
    change(new Change.Create(name(real), file), true, deed);
    next++;
    files.put(name(real), file);
    return file;
  }

  synchronized void makeFolder(Path real, Deed deed) throws IOException {
    change(new Change.MakeFolder(name(real)), true, deed);
  }

  synchronized void rename(Path from, Path to, Deed deed) throws IOException {
    String old = name(from);
    String now = name(to);
    change(new Change.Rename(old, now), false, deed);
    Map<String, Integer> moved = new TreeMap<>();
    files.entrySet().removeIf(e -> {
      boolean is = e.getKey().equals(old) || e.getKey().startsWith(old + "/");
      if (is) {
        moved.put(now + e.getKey().substring(old.length()), e.getValue());
      }
      return is;
    });
    files.putAll(moved);
  }

  synchronized void delete(Path real, Deed deed) throws IOException {
    change(new Change.Delete(name(real)), false, deed);
    files.remove(name(real));
  }
}
