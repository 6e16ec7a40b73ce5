package dev.sphere.faults;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;

/** An open file, or a folder that can be synced, of a {@link FaultyDisk}. Interrupts do not close it. */
final class FaultyChannel extends FileChannel {
  private final FaultyDisk disk;
  private final RandomAccessFile opened; // null for a folder
  private final int file;
  private final Path real;
  private final boolean append;
  private long position;

  FaultyChannel(FaultyDisk disk, RandomAccessFile opened, int file, Path real, boolean append) {
    this.disk = disk;
    this.opened = opened;
    this.file = file;
    this.real = real;
    this.append = append;
  }

  @Override
  public int read(ByteBuffer target) throws IOException {
    int n = read(target, position);
    position += Math.max(0, n);
    return n;
  }

  @Override
  public int read(ByteBuffer target, long at) throws IOException {
    synchronized (disk) {
      byte[] bytes = new byte[target.remaining()];
      opened.seek(at);
      int n = opened.read(bytes);
      if (n > 0) {
        target.put(bytes, 0, n);
      }
      return n;
    }
  }

  @Override
  public long read(ByteBuffer[] targets, int offset, int length) {
    throw new UnsupportedOperationException();
  }

  @Override
  public int write(ByteBuffer source) throws IOException {
    synchronized (disk) {
      int n = write(source, append ? opened.length() : position);
      position = append ? opened.length() : position + n;
      return n;
    }
  }

  @Override
  public int write(ByteBuffer source, long at) throws IOException {
    synchronized (disk) {
      byte[] bytes = new byte[source.remaining()];
      source.get(bytes);
      disk.write(file, at, bytes, opened);
      return bytes.length;
    }
  }

  @Override
  public long write(ByteBuffer[] sources, int offset, int length) throws IOException {
    long n = 0;
    for (int i = offset; i < offset + length; i++) {
      n += write(sources[i]);
    }
    return n;
  }

  @Override
  public long position() {
    return position;
  }

  @Override
  public FileChannel position(long at) {
    position = at;
    return this;
  }

  @Override
  public long size() throws IOException {
    return opened.length();
  }

  @Override
  public FileChannel truncate(long size) throws IOException {
    synchronized (disk) {
      if (size < opened.length()) {
        disk.resize(file, size, () -> opened.setLength(size));
      }
      position = Math.min(position, size);
      return this;
    }
  }

  @Override
  public void force(boolean metadata) throws IOException {
    if (opened == null) {
      disk.syncFolder(real);
    } else {
      disk.sync(file);
    }
  }

  @Override
  public long transferTo(long at, long count, WritableByteChannel target) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate((int) Math.min(count, 1 << 16));
    if (read(bytes, at) < 0) {
      return 0;
    }
    return target.write(bytes.flip());
  }

  @Override
  public long transferFrom(ReadableByteChannel source, long at, long count) {
    throw new UnsupportedOperationException();
  }

  @Override
  public MappedByteBuffer map(MapMode mode, long at, long size) {
    throw new UnsupportedOperationException();
  }

  @Override
  public FileLock lock(long at, long size, boolean shared) throws IOException {
    return tryLock(at, size, shared);
  }

  /** Always granted: one process at a time uses the disk. */
  @Override
  public FileLock tryLock(long at, long size, boolean shared) throws IOException {
    disk.lock();
    return new FileLock(this, at, size, shared) {
      @Override
      public boolean isValid() {
        return true;
      }

      @Override
      public void release() {}
    };
  }

  @Override
  protected void implCloseChannel() throws IOException {
    if (opened != null) {
      opened.close();
    }
  }
}
