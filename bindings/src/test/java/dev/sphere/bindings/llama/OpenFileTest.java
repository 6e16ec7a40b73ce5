package dev.sphere.bindings.llama;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.base.FileChangedException;
import dev.sphere.base.HeldFiles;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.GgufValue;
import dev.sphere.gguf.GgufWriter;
import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.RandomModel;
import dev.sphere.gguf.model.GgufFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is checked, hashed and loaded is one file, and what changes meanwhile is noticed. */
class OpenFileTest {
  @TempDir Path dir;
  private Path file;

  @BeforeEach
  void write() {
    file = model("model.gguf", 1);
  }

  private Path model(String name, long seed) {
    Path plain = dir.resolve("plain.gguf");
    RandomModel.write(RandomModel.like("tiny-qwen2"), ByteVocabulary.metadata(), GgmlType.F32, seed, plain);
    Path path = dir.resolve(name);
    try (GgufFile model = GgufFile.open(plain)) {
      GgufWriter writer = new GgufWriter().putAll(model.metadata());
      writer.put("general.name", GgufValue.string("seed " + seed));
      model.tensors().values().forEach(t -> writer.copy(model, t));
      writer.write(path);
    }
    return path;
  }

  private void truncate() throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.truncate(100);
    }
  }

  @Test
  void aLoadedModelOutlivesItsFile() throws IOException {
    try (Model model = Model.load(file)) {
      truncate();
      int[] tokens = model.vocabulary().tokenize("2+2", false, false);
      ContextOptions options = new ContextOptions(256, 64, 64, 1, 1, true, true, KvType.F16, false);
      try (Decoder context = Decoder.open(model, null, options); Batch batch = new Batch(64)) {
        for (int i = 0; i < tokens.length; i++) {
          batch.add(tokens[i], i, 0, true);
        }
        context.decode(batch);
      }
      FileChangedException e = assertThrows(FileChangedException.class, model.file().file()::requireUnchanged);
      assertTrue(e.getMessage().startsWith(file + " changed while it was in use (it had "), e.getMessage());
    }
  }

  @Test
  void heldFilesMeanOneFile() throws IOException {
    Path other = model("other.gguf", 2);
    try (HeldFiles held = new HeldFiles(List.of(file))) {
      try (GgufFile first = GgufFile.open(file); GgufFile second = GgufFile.open(file)) {
        assertEquals(first.file().nativePath(), second.file().nativePath());
        first.sha256();
      }
      held.requireUnchanged();
      Files.move(other, file, StandardCopyOption.ATOMIC_MOVE);
      for (Runnable use : List.<Runnable>of(
          held::requireUnchanged, () -> GgufFile.open(file), () -> Model.load(file))) {
        FileChangedException e = assertThrows(FileChangedException.class, use::run);
        assertTrue(e.getMessage().startsWith(file + " changed") && e.getMessage().contains("SHA-256"), e.getMessage());
      }
      Files.delete(file);
      FileChangedException e = assertThrows(FileChangedException.class, held::requireUnchanged);
      assertTrue(e.getMessage().contains("no file of that name"), e.getMessage());
    }
    assertThrows(UncheckedIOException.class, () -> new HeldFiles(List.of(file)));
  }

  @Test
  void sameBytesAreTheSameFile() throws IOException {
    try (HeldFiles held = new HeldFiles(List.of(file)); GgufFile open = GgufFile.open(file)) {
      Path copy = Files.copy(file, dir.resolve("copy.gguf"));
      assertNotEquals(null, open.sha256());
      Files.move(copy, file, StandardCopyOption.ATOMIC_MOVE);
      held.requireUnchanged();
      Files.setLastModifiedTime(file, FileTime.fromMillis(0));
      held.requireUnchanged();
    }
    try (HeldFiles held = new HeldFiles(List.of(file))) {
      Files.setLastModifiedTime(file, FileTime.fromMillis(1));
      FileChangedException e = assertThrows(FileChangedException.class, held::requireUnchanged);
      assertTrue(e.getMessage().contains("written or touched"), "not hashed, so nobody knows: " + e.getMessage());
    }
  }

  @Test
  void aNameThatNobodyHoldsMayMeanAnotherFile() throws IOException {
    Path other = model("other.gguf", 2);
    try (GgufFile first = GgufFile.open(file)) {
      Files.move(other, file, StandardCopyOption.ATOMIC_MOVE);
      try (GgufFile second = GgufFile.open(file)) {
        assertEquals("seed 1", first.metadata().requireString("general.name"));
        assertEquals("seed 2", second.metadata().requireString("general.name"));
      }
    }
  }

  /** Before, Java checked one file and llama.cpp loaded the other in most rounds. */
  @Test
  void llamaLoadsWhatWasChecked() throws Exception {
    Path other = model("other.gguf", 2);
    Path spare = dir.resolve("spare.gguf");
    AtomicBoolean stop = new AtomicBoolean();
    Thread swapper = new Thread(() -> {
      try {
        Files.copy(other, spare);
        int swaps = 0;
        for (Path next = Files.copy(file, dir.resolve("first.gguf")); !stop.get(); ) {
          // Pauses of 0 to 7 ms: on an idle core a swap takes microseconds, and no load would ever come through between two.
          LockSupport.parkNanos(swaps++ % 8 * 1_000_000L);
          Path link = dir.resolve("link.gguf");
          Files.createLink(link, next);
          Files.move(link, file, StandardCopyOption.ATOMIC_MOVE);
          next = next.endsWith("first.gguf") ? spare : dir.resolve("first.gguf");
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    });
    swapper.start();
    try {
      int loaded = 0;
      for (int i = 0; i < 60; i++) {
        try (Model model = Model.load(file)) {
          loaded++;
          assertEquals(model.file().metadata().requireString("general.name"), model.metadata("general.name").orElseThrow());
        } catch (FileChangedException e) {
          assertTrue(e.getMessage().contains("changed while it was in use"), e.getMessage());
        } catch (UncheckedIOException e) {
          assertTrue(e.getMessage().contains("changed while it was"), e.getMessage());
        }
      }
      assertTrue(loaded > 0);
    } finally {
      stop.set(true);
      swapper.join();
    }
  }

  @Test
  void whatIsNoFileIsRefused() throws Exception {
    assertTrue(assertThrows(UncheckedIOException.class, () -> GgufFile.open(dir)).getMessage()
        .contains("not a regular file"));
    Path pipe = dir.resolve("pipe.gguf");
    assertEquals(0, new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor());
    assertTrue(assertThrows(UncheckedIOException.class, () -> GgufFile.open(pipe)).getMessage()
        .contains("not a regular file"), "and it does not wait for a writer");
  }
}
