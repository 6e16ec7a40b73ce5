package dev.sphere.engine.embedded;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.bindings.llama.Model;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EmbeddedModelsTest {
  @TempDir Path dir;

  @Test
  void theCarriedModelsAreUnpackedOnce() {
    for (String name : ModelSource.EMBEDDED) {
      Path file = ModelSource.resolve(name);
      assertEquals(file, ModelSource.resolve(name), "unpacked once");
      try (Model model = Model.load(file)) {
        assertEquals("Sphere " + name, model.metadata("general.name").orElseThrow());
        assertEquals(EmbeddedModels.CHAT_TEMPLATE, model.chatTemplate().orElseThrow());
      }
    }
  }

  @Test
  void namesThatMeanNothingAreRefused() {
    Exception e = assertThrows(IllegalArgumentException.class, () -> ModelSource.resolve("no/such.gguf"));
    assertTrue(e.getMessage().contains("no/such.gguf"), e.getMessage());
  }

  /** Before, a file of the right size was taken for the model. */
  @Test
  void aModelInTheCacheIsTheOneThatIsCarried() throws IOException {
    Path cache = dir.resolve("sphere");
    Path file = ModelSource.unpack(cache, "embedded-small");
    byte[] content = Files.readAllBytes(file);
    Object inode = Files.getAttribute(file, "unix:ino");
    assertEquals(file, ModelSource.unpack(cache, "embedded-small"));
    assertEquals(inode, Files.getAttribute(file, "unix:ino"), "not written again");
    byte[] other = content.clone();
    other[other.length / 2] ^= 1;
    Files.write(file, other);
    ModelSource.unpack(cache, "embedded-small");
    assertArrayEquals(content, Files.readAllBytes(file));
    Path outside = Files.move(file, dir.resolve("outside.gguf"));
    Files.createSymbolicLink(file, outside);
    ModelSource.unpack(cache, "embedded-small");
    assertFalse(Files.isSymbolicLink(file), "a link may be turned elsewhere");
    Files.setPosixFilePermissions(file, java.nio.file.attribute.PosixFilePermissions.fromString("rw-rw-rw-"));
    Path writable = Files.createLink(dir.resolve("writable.gguf"), file); // or its inode may be given out again
    ModelSource.unpack(cache, "embedded-small");
    assertFalse(Files.isSameFile(writable, file), "others may have it open for writing");
    try (var left = Files.list(file.getParent())) {
      assertEquals(1, left.count());
    }
  }
}
