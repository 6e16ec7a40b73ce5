package dev.sphere.base;

import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Opens files of a folder that a stranger may have made. Only plain files are opened: a symbolic link could lead out of
 * the folder, a FIFO blocks whoever opens it, and a device may never end. The folder itself is the caller's, and may be
 * a link.
 */
public final class PlainFile {
  /** Bytes of a file that is read whole, at most: 64 MiB. */
  public static final int MOST_BYTES = 64 << 20;

  /** Something that is no plain file stands in a file's place. */
  public static final class NotPlainException extends FileSystemException {
    private static final long serialVersionUID = 1L;

    private NotPlainException(Path file, String kind) {
      super(file.toString(), null, "it is a " + kind + ", no plain file: remove it, or bring the file itself there");
    }
  }

  private PlainFile() {}

  /**
   * Whether a plain file is there.
   *
   * @return false where nothing is
   * @throws NotPlainException where something else is
   */
  public static boolean exists(Path file) throws IOException {
    BasicFileAttributes its;
    try {
      its = Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    } catch (NoSuchFileException e) {
      return false;
    }
    if (!its.isRegularFile()) {
      throw new NotPlainException(
          file, its.isSymbolicLink() ? "symbolic link" : its.isDirectory() ? "folder" : "pipe or device");
    }
    return true;
  }

  /**
   * Whether a plain file is there, with no link between a folder and the file.
   *
   * @param root the folder, which may itself be a link
   * @throws NotPlainException where a link or something else is
   */
  public static boolean exists(Path root, Path file) throws IOException {
    requireFolders(root, file.toAbsolutePath().getParent());
    return exists(file);
  }

  /**
   * Refuses links between a folder and one below it.
   *
   * @throws NotPlainException naming the first that is no folder of its own
   */
  public static void requireFolders(Path root, Path below) throws IOException {
    Path top = root.toAbsolutePath().normalize();
    Path bottom = below.toAbsolutePath().normalize();
    if (!bottom.startsWith(top)) {
      throw new FileSystemException(bottom.toString(), null, "it is not below " + top);
    }
    Path folder = top;
    for (Path name : top.equals(bottom) ? List.<Path>of() : top.relativize(bottom)) {
      folder = folder.resolve(name);
      if (Files.isSymbolicLink(folder)) {
        throw new NotPlainException(folder, "symbolic link");
      }
    }
  }

  /** Opens a plain file, or makes it where the options say so; see {@link FileChannel#open}. */
  public static FileChannel open(Path file, OpenOption... options) throws IOException {
    exists(file);
    Set<OpenOption> all = new HashSet<>(List.of(options));
    all.add(LinkOption.NOFOLLOW_LINKS);
    return FileChannel.open(file, all);
  }

  /** Reads a plain file. An interrupt does not end the reading. */
  public static InputStream read(Path file) throws IOException {
    exists(file);
    return Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS);
  }

  /**
   * The bytes of a plain file.
   *
   * @throws FileSystemException when it has more than {@link #MOST_BYTES}
   */
  public static byte[] bytes(Path file) throws IOException {
    try (InputStream in = read(file)) {
      byte[] bytes = in.readNBytes(MOST_BYTES + 1);
      if (bytes.length > MOST_BYTES) {
        throw new FileSystemException(file.toString(), null, "it has more than " + (MOST_BYTES >> 20) + " MiB");
      }
      return bytes;
    }
  }
}
