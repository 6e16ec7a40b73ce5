package dev.sphere.lab.embedded;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class BytePairTokenizerTest {
  @Test
  void mergesTheMostFrequentPairFirst() {
    // "aab" three times, "ab" once: "a b" occurs 4 times, then "a ab" 3 times.
    BytePairTokenizer t = BytePairTokenizer.learn(List.of("aab", "aab", "aab", "ab"), 260, List.of("<|end|>"));
    assertEquals(List.of("a b", "a ab"), t.merges().subList(0, 2));
    assertEquals(List.of("aab"), names(t, "aab"));
    assertEquals(259, t.tokens().size(), "nothing is left to merge");
    assertEquals(258, t.control("<|end|>"));
    assertThrows(IllegalArgumentException.class, () -> t.control("aab"));
  }

  @Test
  void embeddedVocabularyIsCompleteAndUnique() {
    BytePairTokenizer t = EmbeddedTokenizer.learn();
    assertEquals(EmbeddedTokenizer.SIZE, t.tokens().size());
    assertEquals(t.tokens().size(), new HashSet<>(t.tokens()).size());
    assertEquals(4, Collections.frequency(java.util.Arrays.stream(t.types()).boxed().toList(), 3));
    assertEquals(List.of("Tom", "Ġhas", "Ġ", "3", "*", "4", "=", "1", "2", "Ġapples", ".Ċ"),
        names(t, "Tom has 3*4=12 apples.\n"));
    assertEquals(4, names(t, "日x").size(), "unknown text falls back to bytes");
    String longest = Stream.concat(t.tokens().stream(), t.merges().stream()).max((a, b) -> a.length() - b.length()).get();
    assertTrue(longest.length() < 20, longest);
  }

  private static List<String> names(BytePairTokenizer t, String text) {
    return t.encode(text).stream().map(t.tokens()::get).toList();
  }
}
