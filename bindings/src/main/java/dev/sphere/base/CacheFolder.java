package dev.sphere.base;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Collections;
import java.util.Set;

/**
 * Sphere's cache, {@code $XDG_CACHE_HOME/sphere}, by default {@code ~/.cache/sphere}. Its files are executed and
 * trusted, so only folders are used that belong to this user and that nobody else can write to, and only files of the
 * same kind. Their content is checked by whoever uses them.
 */
public final class CacheFolder {
  private CacheFolder() {}

  /** The cache's path; the folder need not exist. */
  public static Path root() {
    String xdg = System.getenv("XDG_CACHE_HOME");
    Path base = xdg != null && !xdg.isBlank() ? Path.of(xdg) : Path.of(System.getProperty("user.home"), ".cache");
    return base.toAbsolutePath().resolve("sphere");
  }

  /**
   * A folder of a cache, made where it is missing. The cache itself may be a link of the user's own.
   *
   * @param root the cache: {@link #root()}, or another in tests
   * @param names of the folders, from the cache on
   * @throws IOException naming the folder that can't be made or must not be used, and what to do
   */
  public static Path of(Path root, String... names) throws IOException {
    Files.createDirectories(root.toAbsolutePath().getParent());
    if (Files.isSymbolicLink(root)) {
      requireOwner(root, "link");
      root = root.toRealPath();
    }
    Path folder = root;
    own(folder);
    for (String name : names) {
      folder = folder.resolve(name);
      own(folder);
    }
    return folder;
  }

  private static void own(Path folder) throws IOException {
    try {
      Set<PosixFilePermission> mine = PosixFilePermissions.fromString("rwx------");
      Files.createDirectory(folder, PosixFilePermissions.asFileAttribute(mine));
      return;
    } catch (FileAlreadyExistsException e) {
      // made before
    }
    if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
      throw new IOException(folder + (Files.isSymbolicLink(folder) ? " is a link, which others may turn elsewhere"
          : " is no folder") + ". " + remedy(folder));
    }
    requireOwner(folder, "folder");
    Set<PosixFilePermission> mode = Files.getPosixFilePermissions(folder, LinkOption.NOFOLLOW_LINKS);
    if (mode.removeAll(AtomicFile.OTHERS_WRITE)) {
      // Made under a umask that lets the group write. What others left in it is no file of ours, see isOwn.
      Files.setPosixFilePermissions(folder, mode);
    }
  }

  private static void requireOwner(Path path, String what) throws IOException {
    if (uid(path) != User.ID) {
      throw new IOException("the " + what + " " + path + " belongs to the user " + uid(path) + ", and you are "
          + User.ID + ": what is in it is not to be trusted. " + remedy(path));
    }
  }

  private static String remedy(Path path) {
    return "Remove it, or set XDG_CACHE_HOME to a folder of your own: rm -r '" + path + "'";
  }

  /** Whether this is a plain file of this user that nobody else can write to: no link, no file of another user's. */
  public static boolean isOwn(Path file) throws IOException {
    return Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS) && uid(file) == User.ID && Collections.disjoint(
        Files.getPosixFilePermissions(file, LinkOption.NOFOLLOW_LINKS), AtomicFile.OTHERS_WRITE);
  }

  /** Writes a file, whole or not at all, that only this user can write to. */
  public static void write(Path file, byte[] content) throws IOException {
    AtomicFile.write(file, AtomicFile.uniqueName(file), AtomicFile.Access.OWN, channel -> {
      for (ByteBuffer rest = ByteBuffer.wrap(content); rest.hasRemaining(); ) {
        channel.write(rest);
      }
    });
  }

  /**
   * Renames a complete file, or a folder of complete files, that {@link #write} wrote, to its final name. The name is
   * on the disk when the method returns.
   */
  public static void publish(Path whole, Path target) throws IOException {
    if (Files.isDirectory(whole, LinkOption.NOFOLLOW_LINKS)) {
      AtomicFile.forceFolder(whole);
      Files.move(whole, target, StandardCopyOption.ATOMIC_MOVE);
    } else {
      Files.move(whole, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }
    AtomicFile.forceFolder(target.toAbsolutePath().getParent());
  }

  private static long uid(Path path) throws IOException {
    return Integer.toUnsignedLong((Integer) Files.getAttribute(path, "unix:uid", LinkOption.NOFOLLOW_LINKS));
  }

  /** The user id of this process: the owner of a file that it makes. */
  private static final class User {
    static final long ID = id();

    private static long id() {
      try {
        Path mine = Files.createTempFile("sphere", null);
        try {
          return uid(mine);
        } finally {
          Files.delete(mine);
        }
      } catch (IOException e) {
        throw new java.io.UncheckedIOException("cannot make a temporary file in " + System.getProperty("java.io.tmpdir")
            + ": " + e.getMessage(), e);
      }
    }
  }
}
