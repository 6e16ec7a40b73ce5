package dev.sphere.base;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicFileTest {
  @TempDir Path dir;
  private Path target;
  private Path temporary;

  @BeforeEach
  void names() {
    target = dir.resolve("file");
    temporary = dir.resolve("file.tmp");
  }

  private List<String> names(Path folder) throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return all.map(p -> p.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void theFileIsReplacedWhole() throws IOException {
    Files.writeString(target, "what was there, and longer");
    Files.writeString(temporary, "what a killed process left");
    AtomicFile.write(target, out -> {
      out.write("new".getBytes());
      assertEquals("what was there, and longer", Files.readString(target), "until it is whole");
    });
    assertEquals("new", Files.readString(target));
    AtomicFile.writeChannel(target, channel -> channel.write(ByteBuffer.wrap("channel".getBytes())));
    assertEquals("channel", Files.readString(target));
    AtomicFile.writeNamed(target, file -> Files.writeString(file, "name"));
    assertEquals("name", Files.readString(target));
    AtomicFile.writeNamed(target, file -> { // DuckDB writes another file and renames it
      Files.writeString(dir.resolve("other"), "renamed");
      Files.delete(file);
      Files.move(dir.resolve("other"), file);
    });
    assertEquals("renamed", Files.readString(target));
    assertEquals(List.of("file"), names(dir));
  }

  @Test
  void whatFailsLeavesNothingBehind() throws IOException {
    Files.writeString(target, "old");
    UncheckedIOException e = assertThrows(UncheckedIOException.class, () -> AtomicFile.write(target, out -> {
      out.write(new byte[1 << 20]);
      throw new IOException("No space left on device");
    }));
    assertEquals("cannot write " + target + ": No space left on device. Free some space or choose another folder",
        e.getMessage());
    IllegalStateException mistake = new IllegalStateException("a mistake");
    assertSame(mistake, assertThrows(IllegalStateException.class, () -> AtomicFile.writeNamed(target, file -> {
      throw mistake;
    })));
    assertEquals("old", Files.readString(target));
    assertEquals(List.of("file"), names(dir));
    Path nowhere = dir.resolve("none/file");
    assertTrue(assertThrows(UncheckedIOException.class, () -> AtomicFile.write(nowhere, out -> { })).getMessage()
        .startsWith("cannot write " + nowhere));
  }

  @Test
  void aLinkInTheWayIsNotFollowed() throws IOException {
    Path victim = Files.writeString(dir.resolve("victim"), "precious");
    Files.createSymbolicLink(temporary, victim);
    UncheckedIOException e =
        assertThrows(UncheckedIOException.class, () -> AtomicFile.write(target, out -> out.write(1)));
    assertEquals("cannot write " + target + ": " + temporary + " is in the way and is no plain file; remove it",
        e.getMessage());
    assertEquals("precious", Files.readString(victim));
    assertEquals(List.of("file.tmp", "victim"), names(dir));
    Files.delete(temporary);
    Files.createLink(temporary, victim); // a second name of the same file: the name goes, the file stays
    AtomicFile.write(target, out -> out.write(1));
    assertEquals("precious", Files.readString(victim));
    assertEquals(List.of("file", "victim"), names(dir));
  }

  @Test
  void othersMayBeKeptFromWriting() throws IOException {
    Files.writeString(temporary, "");
    Files.setPosixFilePermissions(temporary, Set.of(PosixFilePermission.values()));
    AtomicFile.write(target, temporary, AtomicFile.Access.OWN, channel -> {
      Set<PosixFilePermission> mode = Files.getPosixFilePermissions(temporary);
      assertFalse(mode.contains(PosixFilePermission.GROUP_WRITE), "before anything is in it");
      assertFalse(mode.contains(PosixFilePermission.OTHERS_WRITE));
    });
    assertTrue(CacheFolder.isOwn(target));
    Files.writeString(dir.resolve("plain"), "");
    AtomicFile.write(target, out -> { });
    assertEquals(Files.getPosixFilePermissions(dir.resolve("plain")), Files.getPosixFilePermissions(target), "umask");
  }

  /** As the system says it of a file above {@code ulimit -f}: more room on the disk would not help. */
  @Test
  void aLimitOnTheSizeIsNoFullDisk() {
    String message = assertThrows(UncheckedIOException.class, () -> AtomicFile.write(target, out -> {
      throw new IOException("File too large");
    })).getMessage();
    assertTrue(message.contains("ulimit -f") && !message.contains("Free some space"), message);
  }

  @Test
  void writersOfUniqueNamesDoNotMeet() throws IOException {
    AtomicFile.write(target, AtomicFile.uniqueName(target), AtomicFile.Access.UMASK, channel -> {
      AtomicFile.write(target, AtomicFile.uniqueName(target), AtomicFile.Access.UMASK,
          inner -> inner.write(ByteBuffer.wrap("inner".getBytes())));
      channel.write(ByteBuffer.wrap("outer".getBytes()));
    });
    assertEquals("outer", Files.readString(target));
    assertEquals(List.of("file"), names(dir));
  }
}
