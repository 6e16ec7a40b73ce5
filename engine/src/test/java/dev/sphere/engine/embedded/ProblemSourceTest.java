package dev.sphere.engine.embedded;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.base.Sha256;
import dev.sphere.engine.Problem;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The embedded sets. That they are what their generators make is shown in the laboratory (EmbeddedSetsTest). */
class ProblemSourceTest {
  /** The figures of docs and studies are of these problems: another generator or seed must not pass unseen. */
  @ParameterizedTest
  @CsvSource({
    "embedded:chain-train, chain-search, 9, 1000, 5b54c3b813d0bf44",
    "embedded:chain-validation, chain-validation, 9, 100, 9c2504e878e6ec22",
    "embedded:chain-test, chain-test, 10, 150, 4573cc9d6bfdc3c6"
  })
  void theSetsAreAlwaysTheSame(String name, String prefix, int classes, int each, String hash) {
    List<Problem> set = ProblemSource.embedded(name).orElseThrow();
    assertEquals(classes * each, set.size());
    Map<Integer, Long> counts = set.stream().map(p -> Integer.parseInt(p.metadata().get("level")))
        .collect(Collectors.groupingBy(Function.identity(), TreeMap::new, Collectors.counting()));
    assertEquals(classes, counts.size());
    counts.forEach((level, n) -> assertEquals(each, n, "class " + level));
    for (int i = 0; i < set.size(); i++) {
      Problem p = set.get(i);
      assertEquals(prefix + "-" + i, p.id());
      assertEquals(Integer.parseInt(p.metadata().get("level")), p.question().chars().filter(c -> "+-*".indexOf(c) >= 0).count(), p.question());
      assertTrue(p.answer().matches("\\d\\d"), p.answer());
    }
    assertTrue(set.subList(0, 40).stream().map(p -> p.metadata().get("level")).distinct().count() > 5, "shuffled");
    String all = set.stream().map(p -> p.question() + p.answer()).collect(Collectors.joining("\n"));
    assertEquals(hash, Sha256.of(all.getBytes(StandardCharsets.UTF_8)).substring(0, 16));
  }

  @Test
  void noProblemIsInTwoEmbeddedSets() {
    List<Problem> all = new ArrayList<>();
    for (String name : ProblemSource.EMBEDDED) {
      all.addAll(ProblemSource.embedded(name).orElseThrow());
    }
    assertEquals(17_400, all.size());
    assertEquals(17_400, all.stream().map(Problem::question).distinct().count());
    assertEquals(17_400, all.stream().map(Problem::id).distinct().count());
    assertFalse(ProblemSource.embedded("problems.jsonl").isPresent());
  }
}
