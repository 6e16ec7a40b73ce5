package dev.sphere.engine.embedded;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.bindings.llama.Model;
import dev.sphere.bindings.llama.Vocabulary;
import dev.sphere.engine.embedded.WordProblems.Split;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EmbeddedModelsTest {
  @TempDir Path dir;

  @Test
  void llamaCppReadsTheVocabularyAsThePlainReferenceDoes() {
    Path file = dir.resolve("start.gguf");
    EmbeddedModels.initialize("embedded-small", 1, file);
    BytePairTokenizer reference = EmbeddedTokenizer.learn();
    List<String> texts = new ArrayList<>(List.of("", " ", "x", "  two  spaces\n\n\nlines \t tab", "It's I'M we'll",
        "Größe 日本 🙂 ½ ٣", "f(x)=\\frac{1}{2}!!!\r\n", "12345 + 6.78%", SftCorpus.CORRECTION_REQUEST));
    for (WordProblem p : WordProblems.distinct(Split.TEST, 1, 100)) {
      texts.add(p.question());
      texts.add(p.solution());
    }
    try (Model model = Model.load(file)) {
      Vocabulary v = model.vocabulary();
      assertEquals(EmbeddedTokenizer.SIZE, v.size());
      assertEquals(reference.control("<|end|>"), v.end());
      assertTrue(v.isEndOfGeneration(v.end()));
      assertFalse(v.addsStart());
      assertFalse(v.addsEnd());
      assertEquals(EmbeddedTokenizer.CHAT_TEMPLATE, model.chatTemplate());
      for (String text : texts) {
        int[] tokens = v.tokenize(text, true, true);
        assertArrayEquals(reference.encode(text).stream().mapToInt(Integer::intValue).toArray(), tokens, text);
        assertEquals(text, v.detokenize(tokens));
      }
      int[] turn = v.tokenize("<|user|>Tom<|end|><|assistant|>", true, true);
      assertEquals(4, turn.length);
      assertEquals(reference.control("<|user|>"), turn[0]);
    }
  }

  @Test
  void theCarriedModelsAreOfTheirShape() {
    for (String name : ModelSource.EMBEDDED) {
      Path file = ModelSource.resolve(name);
      assertEquals(file, ModelSource.resolve(name), "unpacked once");
      try (Model model = Model.load(file)) {
        assertEquals("Sphere " + name, model.metadata("general.name"));
        assertEquals(EmbeddedModels.shape(name).layers(), model.layers());
        assertEquals(EmbeddedTokenizer.SIZE, model.vocabulary().size());
        assertEquals(EmbeddedTokenizer.CHAT_TEMPLATE, model.chatTemplate());
      }
    }
  }

  @Test
  void namesThatMeanNothingAreRefused() {
    Exception e = assertThrows(IllegalArgumentException.class, () -> EmbeddedModels.shape("embeded"));
    assertTrue(e.getMessage().contains("embedded-small"), e.getMessage());
    e = assertThrows(IllegalArgumentException.class, () -> ModelSource.resolve("no/such.gguf"));
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
