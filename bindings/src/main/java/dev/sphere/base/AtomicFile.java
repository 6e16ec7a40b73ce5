package dev.sphere.base;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.util.EnumSet;
import java.util.Set;

/**
 * Writes files that are there whole or not at all, also after a power cut. A file is written under a temporary name in
 * the same folder, brought to the disk (fsync) and renamed; then the folder is brought to the disk. If anything fails,
 * the temporary file is deleted and the target is as it was.
 *
 * <p>The temporary name is {@code TARGET.tmp}: what a killed process left there is deleted, so that nothing gathers. A
 * link, or whatever else is no plain file, is refused there: it is not followed. Where several processes may write the
 * same target at once, {@link #uniqueName} is the name to use.
 */
public final class AtomicFile {
  /** The permissions of a new file. */
  public enum Access {
    /** Permissions as the user's umask gives them. */
    UMASK,
    /** Permissions as the umask gives them, less those of other users to write. */
    OWN
  }

  /** Writes a file's bytes into a stream, which is buffered and is not to be closed. */
  @FunctionalInterface
  public interface StreamBody {
    void writeTo(OutputStream out) throws IOException;
  }

  /** Writes a file's bytes into a channel, which is not to be closed. */
  @FunctionalInterface
  public interface ChannelBody {
    void writeTo(FileChannel channel) throws IOException;
  }

  /** Writes a file by its name; an empty one is there already. */
  @FunctionalInterface
  public interface NameBody {
    void writeTo(Path file) throws IOException;
  }

  /** The permissions that {@link Access#OWN} takes away. */
  static final Set<PosixFilePermission> OTHERS_WRITE =
      EnumSet.of(PosixFilePermission.GROUP_WRITE, PosixFilePermission.OTHERS_WRITE);

  private AtomicFile() {}

  /**
   * Writes a file, replacing one of that name.
   *
   * @throws UncheckedIOException with the path, the cause and what to do
   */
  public static void write(Path target, StreamBody body) {
    writeChannel(target, inStream(body));
  }

  /** A body for a channel that writes through a buffered stream. */
  public static ChannelBody inStream(StreamBody body) {
    return channel -> {
      OutputStream out = new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16);
      body.writeTo(out);
      out.flush();
    };
  }

  /** Writes a text in UTF-8, replacing a file of that name; an unpaired surrogate becomes a question mark. */
  public static void writeText(Path target, CharSequence text) {
    write(target, out -> out.write(text.toString().getBytes(StandardCharsets.UTF_8)));
  }

  /** Writes a file through a channel, replacing one of that name. */
  public static void writeChannel(Path target, ChannelBody body) {
    try {
      write(target, temporaryName(target), Access.UMASK, body);
    } catch (IOException e) {
      throw failed(target, e);
    }
  }

  /** Writes a file by something that wants a file's name, replacing one of that name. */
  public static void writeNamed(Path target, NameBody body) {
    Path temporary = temporaryName(target);
    try {
      write(target, temporary, Access.UMASK, channel -> {
        body.writeTo(temporary);
        // Not this channel: the writer may have put another file in its place.
        try (FileChannel written = FileChannel.open(temporary, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS)) {
          written.force(true);
        }
      });
    } catch (IOException e) {
      throw failed(target, e);
    }
  }

  /** Writes a file under a temporary name of the caller's choice, which must lie in the target's folder. */
  public static void write(Path target, Path temporary, Access access, ChannelBody body) throws IOException {
    try (FileChannel channel = create(temporary)) {
      if (access == Access.OWN) {
        Set<PosixFilePermission> mode = Files.getPosixFilePermissions(temporary, LinkOption.NOFOLLOW_LINKS);
        mode.removeAll(OTHERS_WRITE);
        Files.setPosixFilePermissions(temporary, mode);
      }
      body.writeTo(channel);
      channel.force(true);
      Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (InTheWay e) {
      throw e;
    } catch (Throwable e) {
      try {
        Files.deleteIfExists(temporary);
      } catch (IOException again) {
        e.addSuppressed(again);
      }
      throw e;
    }
    forceFolder(target.toAbsolutePath().getParent());
  }

  private static FileChannel create(Path temporary) throws IOException {
    if (Files.isRegularFile(temporary, LinkOption.NOFOLLOW_LINKS)) {
      Files.delete(temporary);
    }
    try {
      return FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    } catch (FileAlreadyExistsException e) {
      throw new InTheWay(temporary);
    }
  }

  /** Something that is not ours has the temporary name: it stays. */
  private static final class InTheWay extends IOException {
    private static final long serialVersionUID = 1L;

    InTheWay(Path temporary) {
      super(temporary + " is in the way and is no plain file; remove it");
    }
  }

  private static Path temporaryName(Path target) {
    return target.resolveSibling(target.getFileName() + ".tmp");
  }

  /** A hidden name beside the target that no other process and no other call uses. */
  public static Path uniqueName(Path target) {
    return target.resolveSibling(
        "." + target.getFileName() + "." + ProcessHandle.current().pid() + "-" + System.nanoTime() + ".tmp");
  }

  /** Makes the names in a folder survive a power cut. */
  public static void forceFolder(Path folder) throws IOException {
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    } catch (IOException e) {
      throw new IOException("cannot bring " + folder + " to the disk: " + e.getMessage(), e);
    }
  }

  /** Makes a folder and those above it that are missing, and brings the names of the new ones to the disk. */
  public static void createFolders(Path folder) throws IOException {
    Path whole = folder.toAbsolutePath();
    Path present = whole;
    while (!Files.isDirectory(present)) {
      present = present.getParent();
    }
    Files.createDirectories(whole);
    for (Path made = whole; !made.equals(present); made = made.getParent()) {
      forceFolder(made.getParent());
    }
  }

  private static UncheckedIOException failed(Path target, IOException e) {
    return new UncheckedIOException("cannot write " + target + ": " + e.getMessage() + remedy(e), e);
  }

  /** What can be done about a file that was not written, as the end of a message. */
  public static String remedy(IOException e) {
    return e instanceof InTheWay ? ""
        : "File too large".equals(e.getMessage()) ? ": above the limit of this shell (ulimit -f) or of the file system"
        : ". Free some space or choose another folder";
  }
}
