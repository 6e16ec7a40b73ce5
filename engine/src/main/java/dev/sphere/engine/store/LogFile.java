package dev.sphere.engine.store;

import dev.sphere.base.PlainFile;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A file that is appended to; an interface so that tests can let the disk fill up. */
interface LogFile extends Closeable {
  /** Opens a file for appending. */
  @FunctionalInterface
  interface Opener {
    LogFile open(Path path) throws IOException;
  }

  /** Writes all of the buffer, which has an array, at the end. */
  void write(ByteBuffer bytes) throws IOException;

  /** Returns when everything written is on the disk. */
  void force() throws IOException;

  /** Cuts the file. */
  void truncate(long size) throws IOException;

  /**
   * Opens a plain file that an earlier process may have left, and writes what stands in its last 64 MiB there once
   * more. A line that the process could not sync looks as if it were on the disk: the next sync alone would not write
   * it ("fsyncgate"). 64 MiB is far more than is ever written between two syncs.
   */
  static LogFile again(Path path) throws IOException {
    int most = 1 << 20;
    try (FileChannel file = channel(path)) {
      for (long at = Math.max(0, file.size() - 64 * most); at < file.size(); at += most) {
        ByteBuffer block = ByteBuffer.allocate((int) Math.min(most, file.size() - at));
        while (block.hasRemaining() && file.read(block, at + block.position()) >= 0) {
          continue;
        }
        for (block.flip(); block.hasRemaining(); ) {
          file.write(block, at + block.position());
        }
      }
    }
    return plain(path);
  }

  private static FileChannel channel(Path path) throws IOException {
    return PlainFile.open(path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
  }

  /** Opens a plain file, creating it when it is not there. */
  static LogFile plain(Path path) throws IOException {
    return new Channel(path, channel(path));
  }

  /**
   * A file through a channel. An interrupt of one writing thread closes that for all of them, so it is opened again.
   */
  final class Channel implements LogFile {
    private final Path path;
    private FileChannel channel;
    private boolean closed;

    private Channel(Path path, FileChannel channel) {
      this.path = path;
      this.channel = channel;
    }

    private interface Operation<R> {
      R on(FileChannel channel) throws IOException;
    }

    private synchronized FileChannel open() throws IOException {
      if (!channel.isOpen() && !closed) {
        channel = channel(path);
      }
      return channel;
    }

    private <R> R uninterrupted(Operation<R> operation) throws IOException {
      boolean interrupted = false;
      try {
        for (;;) {
          try {
            return operation.on(open());
          } catch (ClosedChannelException e) {
            interrupted |= Thread.interrupted();
            if (closed) {
              throw e;
            }
          }
        }
      } finally {
        if (interrupted) {
          Thread.currentThread().interrupt();
        }
      }
    }

    @Override
    public void write(ByteBuffer bytes) throws IOException {
      long end = uninterrupted(FileChannel::size);
      uninterrupted(c -> {
        ByteBuffer rest = bytes.duplicate();
        for (long at = end; rest.hasRemaining(); ) {
          at += c.write(rest, at);
        }
        return null;
      });
    }

    @Override
    public void force() throws IOException {
      uninterrupted(c -> {
        c.force(true);
        return null;
      });
    }

    @Override
    public void truncate(long size) throws IOException {
      uninterrupted(c -> c.truncate(size));
    }

    @Override
    public synchronized void close() throws IOException {
      closed = true;
      channel.close();
    }
  }
}
