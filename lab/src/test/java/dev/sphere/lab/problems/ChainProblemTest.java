package dev.sphere.lab.problems;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.lab.problems.ChainProblem.Use;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Chains. That each line of a solution is worth the answer is shown in TaskTest, beside the other tasks. */
class ChainProblemTest {
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
    Map<Use, Long> shares = ChainProblem.set(Use.TEST, 10, 150).stream()
        .map(p -> Use.of(p.question())).collect(Collectors.groupingBy(Function.identity(), Collectors.counting()));
    assertEquals(Map.of(Use.TEST, 1500L), shares);
    SplittableRandom random = new SplittableRandom(1);
    long trained = java.util.stream.IntStream.range(0, 4000).filter(i -> Use.of(ChainProblem.of(3, 0, random).question()) == Use.SFT).count();
    assertEquals(0.6, trained / 4000.0, 0.03);
  }
}
