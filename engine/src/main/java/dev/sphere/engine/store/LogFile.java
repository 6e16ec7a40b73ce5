package dev.sphere.engine.store;

import java.io.Closeable;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystems;
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
   * The same for a file that an earlier process may have left: what stands in its last 64 MiB is written there once more. What
   * that process could not sync, the system still shows and takes for written: the next sync alone would not write it
   * ("fsyncgate"). 64 MiB is far more than is ever written between two syncs.
   */
  static LogFile again(Path path) throws IOException {
    int most = 1 << 20;
    try (FileChannel file = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
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

  /**
   * Opens a plain file, creating it when it is not there. Not through a channel: an interrupt of one writing thread
   * would close that for all of them.
   */
  static LogFile plain(Path path) throws IOException {
    if (path.getFileSystem() != FileSystems.getDefault()) {
      return channel(FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE));
    }
    RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw");
    return new LogFile() {
      @Override
      public void write(ByteBuffer bytes) throws IOException {
        file.seek(file.length());
        file.write(bytes.array(), bytes.arrayOffset() + bytes.position(), bytes.remaining());
      }

      @Override
      public void force() throws IOException {
        file.getFD().sync();
      }

      @Override
      public void truncate(long size) throws IOException {
        file.setLength(size);
      }

      @Override
      public void close() throws IOException {
        file.close();
      }
    };
  }

  private static LogFile channel(FileChannel channel) {
    return new LogFile() {
      @Override
      public void write(ByteBuffer bytes) throws IOException {
        channel.position(channel.size());
        while (bytes.hasRemaining()) {
          channel.write(bytes);
        }
      }

      @Override
      public void force() throws IOException {
        channel.force(true);
      }

      @Override
      public void truncate(long size) throws IOException {
        channel.truncate(size);
      }

      @Override
      public void close() throws IOException {
        channel.close();
      }
    };
  }
}
