package dev.sphere.base;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * A file that is opened once, so that the bytes that are checked, hashed and loaded come from one file even when its
 * name comes to mean another. While a name is open in this process, opening it again gives the same file. If the name
 * stands for another file by then, opening it again is an error where {@link HeldFiles} hold the first one; otherwise
 * it gives the other file.
 *
 * <p>A file of at most {@link #READ} bytes is read into memory instead of mapped, so that a file that is cut short in a
 * run cannot kill the process. {@code SPHERE_MMAP=off} reads every file, {@code SPHERE_MMAP=on} maps every file.
 *
 * <p>Thread-safe; close is idempotent.
 */
public final class OpenFile implements AutoCloseable {
  /** The environment variable for mapping: {@code on}, {@code off} or {@code auto} (the default). */
  public static final String ENV = "SPHERE_MMAP";

  /** Largest file that {@code auto} reads instead of mapping it, in bytes: 256 MiB, about 0.1 s. */
  public static final long READ = 256L << 20;

  private static final Map<Path, Shared> OPEN = new HashMap<>(); // guarded by itself

  private final Shared shared;
  private boolean closed;

  private OpenFile(Shared shared) {
    this.shared = shared;
  }

  /**
   * Opens a file for reading, or the same one once more.
   *
   * @throws IOException if it can't be read or is no regular file
   * @throws FileChangedException if {@link HeldFiles} hold it and it has changed since
   */
  public static OpenFile of(Path path) throws IOException {
    return of(path, false);
  }

  /** Opens a file for {@link HeldFiles}: as long as any user has it open, the name must mean this file. */
  static OpenFile held(Path path) throws IOException {
    return of(path, true);
  }

  private static OpenFile of(Path path, boolean hold) throws IOException {
    Path key = path.toAbsolutePath().normalize();
    synchronized (OPEN) {
      Shared shared = OPEN.get(key);
      if (shared != null && shared.held) {
        shared.requireUnchanged();
      } else if (shared == null || !Identity.of(path).equals(shared.identity)) {
        shared = new Shared(path, key);
        OPEN.put(key, shared);
      }
      shared.held |= hold;
      shared.users++;
      return new OpenFile(shared);
    }
  }

  /** Opens a file of rows, which is read once from its beginning to its end and is never shared. */
  public static OpenFile ofRows(Path path) throws IOException {
    Shared shared = new Shared(path, null);
    shared.users++;
    return new OpenFile(shared);
  }

  /** The channel to read from. Not to be closed by the caller. */
  public FileChannel channel() {
    return shared.channel;
  }

  /** The name under which native code of this process opens this very file, as long as this is not closed. */
  public Path nativePath() {
    return shared.descriptor < 0 ? shared.path : Descriptor.path(shared.descriptor);
  }

  /** Whether it may be mapped; else it is to be read into memory. */
  public boolean mayBeMapped() {
    String wanted = System.getenv(ENV);
    return switch (wanted == null || wanted.isBlank() ? "auto" : wanted) {
      case "on" -> true;
      case "off" -> false;
      case "auto" -> shared.identity.size() > READ;
      default -> throw new IllegalArgumentException(ENV + " is " + wanted + "; it must be on, off or auto");
    };
  }

  /** The size in bytes. */
  public long size() {
    return shared.identity.size();
  }

  /** SHA-256 of the whole file in lower-case hex. Computed once. */
  public String sha256() {
    return shared.sha256();
  }

  /**
   * The checked content of the file: made by the first that asks, and shared by all that have the file open.
   *
   * @param maker reads and checks; when it throws, nothing is kept
   */
  public <T> T once(Class<T> type, Supplier<T> maker) {
    synchronized (shared) {
      if (shared.checked == null) {
        shared.checked = maker.get();
      }
      return type.cast(shared.checked);
    }
  }

  /**
   * Refuses when the name no longer stands for the file that was opened. It compares device, inode, size and times of
   * change; where only the times or the inode differ and the SHA-256 is known, it compares the SHA-256.
   *
   * @throws FileChangedException naming the file
   */
  public void requireUnchanged() {
    shared.requireUnchanged();
  }

  @Override
  public void close() {
    synchronized (OPEN) {
      if (closed) {
        return;
      }
      closed = true;
      if (--shared.users == 0) {
        OPEN.remove(shared.key, shared);
        try {
          shared.channel.close();
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        } finally {
          Descriptor.close(shared.descriptor);
        }
      }
    }
  }

  /** A file's place on its disk, its size and its times: different for another file, and after a change. */
  private record Identity(Object file, long size, Object modified, Object changed) {
    static Identity of(Path path) throws IOException {
      Map<String, Object> a = Files.readAttributes(path, "unix:dev,ino,size,lastModifiedTime,ctime");
      return new Identity(
          List.of(a.get("dev"), a.get("ino")), (Long) a.get("size"), a.get("lastModifiedTime"), a.get("ctime"));
    }
  }

  /** The open file that several {@link OpenFile}s use. */
  private static final class Shared {
    private final Path path;
    private final Path key; // null: not shared
    private final FileChannel channel;
    private final int descriptor; // -1: there is none with a number
    private volatile Identity identity;
    private String sha256; // guarded by this
    private Object checked; // guarded by this
    private int users; // guarded by OPEN
    private boolean held; // guarded by OPEN

    Shared(Path path, Path key) throws IOException {
      OpenEvent event = new OpenEvent();
      event.begin();
      this.path = path;
      this.key = key;
      Identity named = Identity.of(path);
      descriptor = Descriptor.open(path);
      Path source = descriptor < 0 ? path : Descriptor.path(descriptor);
      try {
        if (!Files.isRegularFile(source)) { // before it is opened: a pipe would block
          throw new IOException("not a regular file");
        }
        identity = Identity.of(source);
        if (descriptor < 0 && !identity.equals(named)) {
          throw new IOException("it changed while it was opened");
        }
        channel = FileChannel.open(source, StandardOpenOption.READ);
      } catch (IOException | RuntimeException e) {
        Descriptor.close(descriptor);
        throw e;
      }
      event.path = path.toString();
      event.commit();
    }

    synchronized String sha256() {
      if (sha256 == null) {
        try {
          sha256 = Sha256.of(channel);
        } catch (IOException e) {
          throw new UncheckedIOException("cannot read " + path + ": " + e.getMessage(), e);
        }
      }
      return sha256;
    }

    synchronized void requireUnchanged() {
      try {
        Identity now = Identity.of(path);
        if (now.equals(identity)) {
          return;
        }
        if (now.size() != identity.size()) {
          throw changed("it had " + identity.size() + " bytes, now it has " + now.size());
        }
        if (sha256 == null) {
          throw changed(now.file().equals(identity.file()) ? "it was written or touched" : "another file has its name");
        }
        if (!Sha256.of(path).equals(sha256)) {
          throw changed("its SHA-256 is another one");
        }
        identity = now; // a copy took its name, or its permissions changed
      } catch (NoSuchFileException e) {
        throw changed("there is no file of that name any more");
      } catch (IOException e) {
        throw changed(e.getMessage());
      }
    }

    private FileChangedException changed(String how) {
      return new FileChangedException(path + " changed while it was in use (" + how + "): what was computed with it is "
          + "not recorded. Bring the file back and run again; what can be resumed goes on with --resume");
    }
  }
}
