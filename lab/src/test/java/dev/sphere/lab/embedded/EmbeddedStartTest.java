package dev.sphere.lab.embedded;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.bindings.llama.Model;
import dev.sphere.bindings.llama.Vocabulary;
import dev.sphere.engine.embedded.EmbeddedModels;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.lab.problems.WordProblem;
import dev.sphere.lab.problems.WordProblems.Split;
import dev.sphere.lab.problems.WordProblems;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EmbeddedStartTest {
  @TempDir Path dir;

  @Test
  void llamaCppReadsTheVocabularyAsThePlainReferenceDoes() {
    Path file = dir.resolve("start.gguf");
    EmbeddedStart.write("embedded-small", 1, file);
    BytePairTokenizer reference = EmbeddedTokenizer.learn();
    List<String> texts = new ArrayList<>(List.of("", " ", "x", "  two  spaces\n\n\nlines \t tab", "It's I'M we'll",
        "Größe 日本 🙂 ½ ٣", "f(x)=\\frac{1}{2}!!!\r\n", "12345 + 6.78%", EmbeddedModels.CORRECTION_REQUEST));
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
      assertEquals(EmbeddedModels.CHAT_TEMPLATE, model.chatTemplate().orElseThrow());
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
    for (String name : List.of("embedded", "embedded-small")) { // the third one starts from the second
      try (Model model = Model.load(ModelSource.resolve(name))) {
        assertEquals(EmbeddedStart.shape(name, EmbeddedTokenizer.SIZE).layers(), model.layers());
        assertEquals(EmbeddedTokenizer.SIZE, model.vocabulary().size());
      }
    }
    Exception e = assertThrows(IllegalArgumentException.class, () -> EmbeddedStart.shape("embeded", 640));
    assertTrue(e.getMessage().contains("embedded-small"), e.getMessage());
  }
}
