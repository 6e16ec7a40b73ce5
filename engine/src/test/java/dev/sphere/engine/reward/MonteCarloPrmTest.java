package dev.sphere.engine.reward;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.OutcomeReward;
import dev.sphere.engine.Problem;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.ScriptedPolicy;
import dev.sphere.engine.TokenPath;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class MonteCarloPrmTest {
  private static final Problem PROBLEM = new Problem("p", "q", "7");
  private static final OutcomeReward SEVEN = (problem, solution) -> solution.endsWith("=7");
  private static final DrawKey KEY = new DrawKey(1, 2, 3, 0);

  private static double[] score(ScriptedPolicy policy, int k, boolean early, String... steps)
      throws InterruptedException {
    List<Generation> candidates = Stream.of(steps).map(ScriptedPolicy::generation).toList();
    TokenPath path = TokenPath.root(policy.tokenize("Q:", true)).extend(policy.tokenize("s\n", false));
    var settings = new MonteCarloPrm.Settings(k, SamplingSettings.temperature(0.8f, 100), early);
    return new MonteCarloPrm(policy, SEVEN, settings).score(PROBLEM, path, KEY, candidates);
  }

  @Test
  void aStepIsWorthTheShareOfItsCompletionsThatAreRight() throws InterruptedException {
    // Four draws a candidate, numbered candidate * 4 + k.
    ScriptedPolicy policy = new ScriptedPolicy()
        .after("Q:s\na\n", "x=7$", "x=1$", "x=7$", "x=7$")
        .after("Q:s\nb\n", "x=1$", "x=7~", "x=1$", "x=1$")
        .after("Q:s\nc\n", "x=7$");
    assertArrayEquals(new double[] {.75, 0, 1}, score(policy, 4, false, "a\n", "b\n", "c\n"));
    assertEquals(12, policy.generated());
  }

  @Test
  void aCompleteStepIsWorthItsOwnOutcome() throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy();
    assertArrayEquals(new double[] {1, 0, 0}, score(policy, 4, false, "a=7$", "b=8$", "c=7~"));
    assertEquals(0, policy.generated());
  }

  @Test
  void earlyStopKeepsTheSurvivors() throws InterruptedException {
    ScriptedPolicy policy =
        new ScriptedPolicy().after("Q:s\na\n", "x=7$").after("Q:s\nb\n", "x=1$");
    double[] scores = score(policy, 8, true, "a\n", "b\n");
    assertArrayEquals(new double[] {1, 0}, scores);
    // After 5 of 8 (waves of 2: after 6) the best cannot fall below the worst any more.
    assertEquals(12, policy.generated());
    assertTrue(score(policy, 8, true, "z=7$", "b=1$")[0] == 1);
  }

  @Test
  void controls() {
    List<Generation> steps =
        Stream.of("a\n", "b=7$", "c=1$", "d~").map(ScriptedPolicy::generation).toList();
    TokenPath path = TokenPath.root('Q');
    assertArrayEquals(
        new double[] {.5, 1, 0, 0}, new OutcomePrm(new ScriptedPolicy(), SEVEN).score(PROBLEM, path, KEY, steps));
    double[] random = new RandomPrm().score(PROBLEM, path, KEY, steps);
    assertArrayEquals(random, new RandomPrm().score(PROBLEM, path, KEY, steps));
    assertTrue(Stream.of(1L, 2L, 3L).anyMatch(
        n -> new RandomPrm().score(PROBLEM, path, new DrawKey(1, 2, 3 + n, 0), steps)[0] != random[0]));
    for (double score : random) {
      assertTrue(score >= 0 && score < 1);
    }
  }
}
