package dev.sphere.base;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * A file that is opened once: what is checked, hashed and loaded is this one, whatever its name comes to mean. While a
 * name is open in this process, opening it again gives the same file. If the name stands for other bytes by then, that
 * is an error where {@link HeldFiles} hold it, and another file else.
 *
 * <p>A file of at most {@link #COPIED} bytes is copied into sealed memory first, so that nobody can change or shorten
 * what is computed with. A larger one is read and mapped where it lies. {@code SPHERE_MMAP=off} copies every file,
 * {@code SPHERE_MMAP=on} none. Where the system has no memory files (other than Linux), {@code off} makes native code
 * read instead of map.
 *
 * <p>Thread-safe; close is idempotent.
 */
public final class OpenFile implements AutoCloseable {
  /** The environment variable that says whether files are mapped: {@code on}, {@code off} or {@code auto} (default). */
  public static final String ENV = "SPHERE_MMAP";

  /** Largest file that is copied into memory where nothing else is said, in bytes: 256 MiB, about 0.1 s. */
  public static final long COPIED = 256L << 20;

  private static final int CHUNK = 1 << 20;
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
   * @throws InsufficientMemoryException if it is to be copied and does not fit
   */
  public static OpenFile of(Path path) throws IOException {
    return of(path, false);
  }

  /** The same for {@link HeldFiles}: as long as any of them is open, the name must mean this file. */
  static OpenFile held(Path path) throws IOException {
    return of(path, true);
  }

  private static OpenFile of(Path path, boolean hold) throws IOException {
    Path key = path.toAbsolutePath().normalize();
    synchronized (OPEN) {
      Shared shared = OPEN.get(key);
      if (shared != null && shared.held) {
        shared.requireUnchanged();
      }
      if (shared == null || !shared.held && !shared.isNamed()) {
        shared = new Shared(path, key, copies(path));
        OPEN.put(key, shared);
      }
      shared.held |= hold;
      shared.users++;
      return new OpenFile(shared);
    }
  }

  /** Opens a file of rows, which is read once from its beginning to its end: never copied, never shared. */
  public static OpenFile ofRows(Path path) throws IOException {
    Shared shared = new Shared(path, null, false);
    shared.users++;
    return new OpenFile(shared);
  }

  private static boolean copies(Path path) throws IOException {
    long size = Files.size(path);
    boolean copies = switch (mode()) {
      case "off" -> true;
      case "on" -> false;
      default -> size <= COPIED;
    };
    if (copies) {
      FreeMemory.requireModel(path, size);
    }
    return copies && MemoryFile.available();
  }

  private static String mode() {
    String wanted = System.getenv(ENV);
    if (wanted == null || wanted.isBlank()) {
      return "auto";
    }
    if (!List.of("on", "off", "auto").contains(wanted)) {
      throw new IllegalArgumentException(ENV + " is " + wanted + "; it must be on, off or auto");
    }
    return wanted;
  }

  /** What reads it. Not to be closed by the caller. */
  public FileChannel channel() {
    return shared.channel;
  }

  /** The name under which native code of this process opens this very file, as long as this is not closed. */
  public Path nativePath() {
    return shared.nativePath;
  }

  /** Whether nobody else can change what is read. */
  public boolean isCopy() {
    return shared.copied;
  }

  /** Whether it may be mapped; else it is to be read into memory. */
  public boolean mayBeMapped() {
    return shared.copied || !mode().equals("off");
  }

  /** Bytes. */
  public long size() {
    return shared.size;
  }

  /** SHA-256 of the whole file in lower-case hex. Computed once. */
  public String sha256() {
    return shared.sha256();
  }

  /**
   * What was read and checked of the file: made by the first that asks, and the same for all that have it open.
   *
   * @param maker what it throws is not kept
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
   * Refuses when the name no longer stands for the bytes that were opened. It compares device, inode, size and the
   * times of change; where they differ and the SHA-256 is known, all bytes.
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
        shared.release();
      }
    }
  }

  /** What a file is known by, as far as the system tells. */
  private record Identity(Object file, long size, Object modified, Object changed) {
    static Identity of(Path path) throws IOException {
      try {
        Map<String, Object> a = Files.readAttributes(path, "unix:dev,ino,size,lastModifiedTime,ctime");
        return new Identity(
            List.of(a.get("dev"), a.get("ino")), (Long) a.get("size"), a.get("lastModifiedTime"), a.get("ctime"));
      } catch (UnsupportedOperationException | IllegalArgumentException e) { // no Unix
        BasicFileAttributes a = Files.readAttributes(path, BasicFileAttributes.class);
        return new Identity(String.valueOf(a.fileKey()), a.size(), a.lastModifiedTime(), a.creationTime());
      }
    }
  }

  /** The file itself, for all who have it open. */
  private static final class Shared {
    private final Path path;
    private final Path key; // null: not shared
    private final FileChannel channel;
    private final Path nativePath;
    private final int descriptor; // -1: there is none of our own
    private final boolean copied;
    private final long size;
    private Identity identity; // guarded by this, as the hash
    private String sha256;
    private Object checked; // the same
    private int users; // guarded by OPEN
    private boolean held; // the same

    Shared(Path path, Path key, boolean copy) throws IOException {
      OpenEvent event = new OpenEvent();
      event.begin();
      this.path = path;
      this.key = key;
      Identity named = Identity.of(path);
      int opened = MemoryFile.open(path);
      Path source = opened < 0 ? path : MemoryFile.path(opened);
      FileChannel reader = null;
      int memory = -1;
      try {
        if (!Files.isRegularFile(source)) { // before it is opened: a pipe would block
          throw new IOException("not a regular file");
        }
        reader = FileChannel.open(source, StandardOpenOption.READ);
        identity = Identity.of(source);
        if (opened < 0 && !identity.equals(named)) {
          throw new IOException("it changed while it was opened");
        }
        size = reader.size();
        memory = copy && opened >= 0 ? copy(reader) : -1;
        copied = memory >= 0;
        if (copied) {
          if (!Identity.of(source).equals(identity)) {
            throw new IOException("it changed while it was read");
          }
          reader.close();
          MemoryFile.close(opened);
          opened = memory;
          memory = -1;
          reader = FileChannel.open(MemoryFile.path(opened), StandardOpenOption.READ);
        }
      } catch (IOException | RuntimeException e) {
        if (reader != null) {
          reader.close();
        }
        MemoryFile.close(memory);
        MemoryFile.close(opened);
        throw e;
      }
      channel = reader;
      descriptor = opened;
      nativePath = opened < 0 ? path : MemoryFile.path(opened);
      event.path = path.toString();
      event.commit();
    }

    /** A sealed copy in memory; -1 where the system has none to give. */
    private static int copy(FileChannel source) throws IOException {
      int memory = MemoryFile.create();
      if (memory < 0) {
        return -1;
      }
      try (FileChannel target = FileChannel.open(MemoryFile.path(memory), StandardOpenOption.WRITE)) {
        for (long at = 0, n; at < source.size(); at += n) {
          n = source.transferTo(at, source.size() - at, target);
          if (n <= 0) {
            throw new IOException("it became shorter while it was read");
          }
        }
      } catch (IOException e) {
        MemoryFile.close(memory);
        throw e;
      }
      if (!MemoryFile.seal(memory)) { // the writer is closed by now
        MemoryFile.close(memory);
        return -1;
      }
      return memory;
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

    /** Whether its name stands for it still. */
    synchronized boolean isNamed() throws IOException {
      return Identity.of(path).equals(identity);
    }

    synchronized void requireUnchanged() {
      try {
        Identity now = Identity.of(path);
        if (now.equals(identity)) {
          return;
        }
        if (now.size() != size) {
          throw changed("it had " + size + " bytes, now it has " + now.size());
        }
        if (sha256 == null) {
          throw changed(now.file().equals(identity.file()) ? "it was written or touched" : "another file has its name");
        }
        try (FileChannel named = FileChannel.open(path, StandardOpenOption.READ)) {
          boolean same = Sha256.of(named).equals(sha256)
              && (copied || now.file().equals(identity.file()) || Sha256.of(channel).equals(sha256));
          if (!same) {
            throw changed("its SHA-256 is another one");
          }
        }
        identity = now; // a copy took its name, or its permissions changed
      } catch (NoSuchFileException e) {
        throw changed("there is no file of that name any more");
      } catch (IOException e) {
        throw changed(e.getMessage());
      }
    }

    private FileChangedException changed(String how) {
      return new FileChangedException(path + " changed while it was in use (" + how + "): what was computed with it is not "
          + "recorded. Bring the file back and run again; what can be resumed goes on with --resume");
    }

    private void release() {
      try {
        channel.close();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      } finally {
        MemoryFile.close(descriptor);
      }
    }
  }
}
