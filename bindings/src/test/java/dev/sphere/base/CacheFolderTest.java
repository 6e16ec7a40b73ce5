package dev.sphere.base;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who may write to the cache, and whose it is. */
class CacheFolderTest {
  @TempDir Path dir;

  private static void mode(Path path, String mode) throws IOException {
    Files.setPosixFilePermissions(path, PosixFilePermissions.fromString(mode));
  }

  private static String mode(Path path) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
  }

  /** Gives a file to another user; false where only root can. */
  private static boolean giveAway(Path path) throws IOException {
    try {
      Files.setAttribute(path, "unix:uid", 12345);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  @Test
  void foldersAreOursAlone() throws IOException {
    Path root = dir.resolve("cache/sphere");
    Path folder = CacheFolder.of(root, "native", "one");
    assertEquals(root.resolve("native/one"), folder);
    assertEquals("rwx------", mode(root));
    assertEquals("rwx------", mode(folder));
    mode(root, "rwxrwxrwx");
    mode(folder, "rwxrwxr-x");
    CacheFolder.of(root, "native", "one");
    assertEquals("rwxr-xr-x", mode(root), "others can write no more");
    assertEquals("rwxr-xr-x", mode(folder));
  }

  @Test
  void whatIsAnothersIsNotUsed() throws IOException {
    Path root = dir.resolve("sphere");
    Path folder = CacheFolder.of(root, "native");
    Path file = folder.resolve("library");
    CacheFolder.write(file, new byte[] {1});
    assertTrue(CacheFolder.isOwn(file));
    if (giveAway(file)) {
      assertFalse(CacheFolder.isOwn(file));
      giveAway(folder);
      IOException e = assertThrows(IOException.class, () -> CacheFolder.of(root, "native"));
      assertTrue(e.getMessage().contains(folder + " belongs to the user 12345, and you are "), e.getMessage());
      assertTrue(e.getMessage().contains("XDG_CACHE_HOME") && e.getMessage().contains("rm -r"), e.getMessage());
    }
  }

  @Test
  void filesAreOursAlone() throws IOException {
    Path file = dir.resolve("file");
    CacheFolder.write(file, "content".getBytes());
    assertEquals("content", Files.readString(file));
    assertTrue(CacheFolder.isOwn(file));
    assertFalse(CacheFolder.isOwn(Files.createSymbolicLink(dir.resolve("link"), file)));
    assertFalse(CacheFolder.isOwn(dir));
    assertFalse(CacheFolder.isOwn(dir.resolve("none")));
    mode(file, "rw-rw-r--");
    assertFalse(CacheFolder.isOwn(file));
  }

  @Test
  void linksAreFollowedOnlyForTheCacheItself() throws IOException {
    Path elsewhere = Files.createDirectory(dir.resolve("elsewhere"));
    Path root = Files.createSymbolicLink(dir.resolve("sphere"), elsewhere);
    assertEquals(elsewhere.toRealPath().resolve("native"), CacheFolder.of(root, "native"));
    Files.createSymbolicLink(elsewhere.resolve("models"), dir);
    IOException e = assertThrows(IOException.class, () -> CacheFolder.of(root, "models"));
    assertTrue(e.getMessage().contains("models is a link"), e.getMessage());
    Files.writeString(elsewhere.resolve("prm"), "");
    e = assertThrows(IOException.class, () -> CacheFolder.of(root, "prm"));
    assertTrue(e.getMessage().contains("prm is no folder"), e.getMessage());
  }
}
