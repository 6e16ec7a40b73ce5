package dev.sphere.faults;

/** Something that a program did to a {@link FaultyDisk}; paths are relative to its root, files have numbers. */
public sealed interface Change {
  /** Bytes, from a place in the file on. */
  record Write(int file, long at, byte[] bytes) implements Change {}

  /** The file is cut, or filled up with zeros. */
  record Resize(int file, long size) implements Change {}

  /** All that was done to the file so far is on the disk. */
  record Sync(int file) implements Change {}

  /** A sync failed. As on Linux, what it should have written counts as written from now on, and is not. */
  record FailedSync(int file) implements Change {}

  /** A new, empty file. */
  record Create(String path, int file) implements Change {}

  /** A new folder. */
  record MakeFolder(String path) implements Change {}

  /** Another name; what had it is replaced. */
  record Rename(String from, String to) implements Change {}

  /** A name is gone. */
  record Delete(String path) implements Change {}

  /** The names in the folder are on the disk. */
  record SyncFolder(String path) implements Change {}

  /** No change: the program said that something is done. */
  record Said(String what) implements Change {}
}
