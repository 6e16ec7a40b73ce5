package dev.sphere.engine.store;

import dev.sphere.base.PlainFile;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** One writer a run. The lock is the operating system's: it ends with the process, however that ends. */
final class RunLock implements AutoCloseable {
  /** The locked byte lies beyond the text, which others can then read on every system. */
  private static final long LOCKED_BYTE = 1L << 40;

  // POSIX drops a process's lock when it closes any channel on the file, so this process must not open it twice.
  private static final Set<Path> HELD_HERE = ConcurrentHashMap.newKeySet();

  private final Path key;
  private final FileChannel channel;

  private RunLock(Path key, FileChannel channel) {
    this.key = key;
    this.channel = channel;
  }

  static RunLock take(Path directory) {
    Path file = directory.resolve("lock");
    Path key;
    try {
      key = directory.toRealPath();
    } catch (IOException e) {
      throw new StoreException("cannot open the run " + directory + ": " + e.getMessage(), e);
    }
    if (!HELD_HERE.add(key)) {
      throw inUse(directory, "this process");
    }
    FileChannel channel = null;
    try {
      channel = PlainFile.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
      FileLock lock;
      try {
        lock = channel.tryLock(LOCKED_BYTE, 1, false);
      } catch (IOException e) {
        if (ShardPlaces.isAttempt(directory)) {
          return new RunLock(key, channel); // this file system has no locks, and the folder is this process's alone
        }
        throw e;
      }
      if (lock == null) {
        throw inUse(directory, new String(PlainFile.bytes(file), StandardCharsets.UTF_8).strip());
      }
      String holder = "process " + ProcessHandle.current().pid() + " on " + host() + ", since "
          + Instant.now().truncatedTo(ChronoUnit.SECONDS) + "\n";
      channel.truncate(0);
      channel.write(ByteBuffer.wrap(holder.getBytes(StandardCharsets.UTF_8)), 0);
      return new RunLock(key, channel);
    } catch (IOException | OverlappingFileLockException e) {
      release(key, channel);
      throw new StoreException("cannot lock the run " + directory + ": " + e.getMessage(), e);
    } catch (StoreException e) {
      release(key, channel);
      throw e;
    }
  }

  private static StoreException inUse(Path directory, String holder) {
    return new StoreException.Refused("the run " + directory + " is in use by "
        + (holder.isEmpty() ? "another process" : holder) + "; wait for it to end, or use another directory");
  }

  static String host() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "this machine";
    }
  }

  private static void release(Path key, FileChannel channel) {
    try {
      if (channel != null) {
        channel.close();
      }
    } catch (IOException e) {
      throw new StoreException("cannot unlock the run " + key + ": " + e.getMessage(), e);
    } finally {
      HELD_HERE.remove(key);
    }
  }

  @Override
  public void close() {
    release(key, channel);
  }
}
