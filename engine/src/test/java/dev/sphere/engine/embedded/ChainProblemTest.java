package dev.sphere.engine.embedded;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.base.Sha256;
import dev.sphere.engine.Problem;
import dev.sphere.engine.embedded.ChainProblem.Use;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The carried sets. That each line of a solution is worth the answer is shown in the laboratory (TaskTest), beside the other tasks. */
class ChainProblemTest {
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
  void aSolutionHasAnOperationALine() {
    ChainProblem p = ChainProblem.of(2, 1, new SplittableRandom(8));
    assertEquals(2, p.level());
    assertEquals(4, p.solution().lines().count());
    assertTrue(p.solution().endsWith("\nThe answer is \\boxed{" + p.answer() + "}."), p.solution());
    assertNotEquals(p.solution(), p.wrong());
    assertTrue(!p.wrong().endsWith("{" + p.answer() + "}."), p.wrong());
  }

  @Test
  void aUseFollowsFromTheTextAlone() {
    Map<Use, Long> shares = ProblemSource.embedded("embedded:chain-test").orElseThrow().stream()
        .map(p -> Use.of(p.question())).collect(Collectors.groupingBy(Function.identity(), Collectors.counting()));
    assertEquals(Map.of(Use.TEST, 1500L), shares);
    SplittableRandom random = new SplittableRandom(1);
    long trained = java.util.stream.IntStream.range(0, 4000).filter(i -> Use.of(ChainProblem.of(3, 0, random).question()) == Use.SFT).count();
    assertEquals(0.6, trained / 4000.0, 0.03);
  }
}
