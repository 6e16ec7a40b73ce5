package dev.sphere.engine.store;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * An append-only file of {@link CheckedLines}. When {@link #append} returns, the record is on the disk; after
 * {@link #appendBeside} it is on its way there. Records that are appended at the same time share one fsync. Safe for
 * many threads.
 */
final class AppendLog implements AutoCloseable {
  private final Path path;
  private final LogFile file;
  private final Object writing = new Object();
  private final Object forcing = new Object();
  private long written;
  private long forced;
  private volatile StoreException broken;
  private boolean closed;

  private AppendLog(Path path, LogFile file, long size) {
    this.path = path;
    this.file = file;
    this.written = size;
    this.forced = size;
  }

  /** Opens a log that is there and whole. */
  static AppendLog open(Path path) {
    return open(path, LogFile::plain, Long.MAX_VALUE);
  }

  /**
   * Opens a log, or makes one.
   *
   * @param end of its whole lines, in bytes; what stands behind them is cut off
   */
  static AppendLog open(Path path, LogFile.Opener opener, long end) {
    try {
      LogFile file = opener.open(path);
      try {
        if (Files.size(path) > end) {
          file.truncate(end);
        }
        file.force();
        return new AppendLog(path, file, Files.size(path));
      } catch (IOException e) {
        try (file) {
          throw e;
        }
      }
    } catch (IOException e) {
      throw new StoreException("cannot open " + path + " for writing: " + reason(e), e);
    }
  }

  /** Appends a JSON object; returns when it is on the disk, and with it all that was appended before. */
  public void append(byte[] object) {
    StoreEvent event = new StoreEvent();
    event.begin();
    force(write(object));
    event.bytes = object.length;
    event.commit();
  }

  /**
   * Appends a JSON object; returns when the operating system has it, so that it survives the death of this process. A
   * thread of its own brings it to the disk. If that fails, the next append or {@link #force} says so.
   */
  void appendBeside(byte[] object) {
    StoreEvent event = new StoreEvent();
    event.begin();
    long end = write(object);
    event.bytes = object.length;
    Thread.startVirtualThread(() -> {
      try {
        force(end);
      } catch (StoreException e) {
        return; // kept in broken
      }
      event.commit();
    });
  }

  /** Appends a JSON object that {@link #force} brings to the disk, with all others; for many at once. */
  void appendUnforced(byte[] object) {
    write(object);
  }

  /** Returns when all that was appended so far is on the disk. */
  void force() {
    force(size());
  }

  /** Returns where the record ends. */
  private long write(byte[] object) {
    byte[] line = CheckedLines.frame(object);
    synchronized (writing) {
      refuseIfBroken();
      try {
        file.write(ByteBuffer.wrap(line));
      } catch (IOException e) {
        throw broken(e, written);
      }
      written += line.length;
      return written;
    }
  }

  private void force(long end) {
    synchronized (forcing) {
      if (forced >= end) {
        return; // another thread's fsync covered this record
      }
      refuseIfBroken();
      long reached = size();
      try {
        file.force();
      } catch (IOException e) {
        throw broken(e, forced);
      }
      forced = reached;
    }
  }

  /** Bytes of whole records. */
  long size() {
    synchronized (writing) {
      return written;
    }
  }

  private void refuseIfBroken() {
    if (broken != null) {
      throw new StoreException(broken.getMessage(), broken);
    }
  }

  /**
   * After a failed write nothing more is written. What is not safe is cut off if the disk lets us: a half-written
   * record, and after a failed fsync all that was written since the last one that succeeded. The next fsync would say
   * that it is on the disk, for the system has forgotten it ("fsyncgate").
   */
  private StoreException broken(IOException e, long safe) {
    StoreException failure = new StoreException(
        "cannot write " + path + ": " + reason(e)
            + "; what was stored so far is safe: mend that and go on with --resume",
        e);
    broken = failure;
    synchronized (writing) {
      try {
        file.truncate(safe);
      } catch (IOException again) {
        failure.addSuppressed(again); // the next opening leaves the torn line out
      }
    }
    return failure;
  }

  private static String reason(IOException e) {
    return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    try (file) {
      if (broken == null) {
        force();
      }
    } catch (IOException e) {
      throw new StoreException("cannot close " + path + ": " + reason(e), e);
    }
  }
}
