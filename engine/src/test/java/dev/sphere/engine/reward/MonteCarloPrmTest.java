package dev.sphere.engine.reward;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.HashPolicy;
import dev.sphere.engine.OutcomeReward;
import dev.sphere.engine.Policy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.ProcessRewardModel.Judgement;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.ScriptedPolicy;
import dev.sphere.engine.SolutionMarker;
import dev.sphere.engine.StopRule;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.search.FinalAnswer;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class MonteCarloPrmTest {
  private static final Problem PROBLEM = new Problem("p", "q", "7");
  private static final OutcomeReward SEVEN = (problem, solution) -> solution.endsWith("=7");
  private static final DrawKey KEY = new DrawKey(1, 2, 3, 0);

  private static double[] score(ScriptedPolicy policy, int k, boolean early, String... steps)
      throws InterruptedException {
    return judge(policy, k, early, steps).scores();
  }

  private static Judgement judge(ScriptedPolicy policy, int k, boolean early, String... steps)
      throws InterruptedException {
    List<Generation> candidates = Stream.of(steps).map(ScriptedPolicy::generation).toList();
    TokenPath path = TokenPath.root(policy.tokenize("Q:", true)).extend(policy.tokenize("s\n", false));
    var settings = new MonteCarloPrm.Settings(k, SamplingSettings.temperature(0.8f, 100), early);
    return new MonteCarloPrm(policy, SEVEN, settings).judge(PROBLEM, path, KEY, candidates);
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
  void rolloutsAreDrawnAsTheSettingsSayEachOnItsOwn() throws InterruptedException {
    List<Policy.Request> asked = new CopyOnWriteArrayList<>();
    HashPolicy policy = new HashPolicy(0.5) {
      @Override
      public List<Generation> generate(TokenPath path, List<Request> requests) {
        asked.addAll(requests);
        return super.generate(path, requests);
      }
    };
    var sampling = new SamplingSettings(0.7f, 9, 0.9f, 0.1f, 77);
    TokenPath path = TokenPath.root(policy.tokenize("a:", true));
    List<Generation> steps = Stream.of("x\n", "y\n").map(ScriptedPolicy::generation).toList();
    new MonteCarloPrm(policy, SEVEN, new MonteCarloPrm.Settings(5, sampling, false)).score(PROBLEM, path, KEY, steps);
    assertEquals(10, asked.size());
    assertTrue(asked.stream().allMatch(r -> r.sampling().equals(sampling)));
    assertEquals(10, asked.stream().map(Policy.Request::key).distinct().count());
    assertTrue(asked.stream().allMatch(r -> r.key().seed() == 1 && r.key().problem() == 2 && r.key().node() == 3));
    assertTrue(asked.getFirst().stop().stop("\\boxed{7}", 8), "an answer ends a rollout");
  }

  /** Six of eight drawn: 3 of 6 against 0 of 6 may still meet at 3 of 8 and 2 of 8; 2 against 0 may be equal. */
  @Test
  void earlyStopWaitsUntilNothingCanChange() throws InterruptedException {
    String[] half = {"x=7$", "x=1$", "x=7$", "x=1$", "x=7$", "x=1$", "x=1$", "x=1$"};
    ScriptedPolicy policy = new ScriptedPolicy().after("Q:s\na\n", half).after("Q:s\nb\n", "x=1$");
    assertArrayEquals(new double[] {.5, 0}, score(policy, 8, true, "a\n", "b\n"));
    assertEquals(12, policy.generated());
    String[] few = {"x=7$", "x=1$", "x=7$", "x=1$", "x=1$", "x=1$", "x=1$", "x=1$"};
    ScriptedPolicy open = new ScriptedPolicy().after("Q:s\na\n", few).after("Q:s\nb\n", "x=1$");
    assertArrayEquals(new double[] {.25, 0}, score(open, 8, true, "a\n", "b\n"));
    assertEquals(16, open.generated());
    ScriptedPolicy all = new ScriptedPolicy().after("Q:s\na\n", half).after("Q:s\nb\n", "x=1$");
    assertArrayEquals(new double[] {.375, 0}, score(all, 8, false, "a\n", "b\n"), "only where it is asked for");
  }

  /** How many rollouts stand behind a score is told with it: a share of fewer is no label. */
  @Test
  void aScoreTellsItsRollouts() throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy()
        .after("Q:s\na\n", "x=7$").after("Q:s\nb\n", "x=1$").after("Q:s\nc\n", "x=7$", "x=1$");
    assertArrayEquals(new int[] {6, 6}, judge(policy, 8, true, "a\n", "b\n").rollouts());
    assertArrayEquals(new int[] {8, 8, 0}, judge(policy, 8, false, "a\n", "b\n", "e~").rollouts());
    assertEquals(16 * ScriptedPolicy.generation("x=7$").tokens().length, judge(policy, 8, false, "a\n", "b\n", "e~").drawn());
    assertEquals(0, judge(policy, 8, true, "d=7$", "d=1$").drawn());
    assertArrayEquals(new int[] {0, 0}, judge(policy, 8, true, "d=7$", "d=1$").rollouts(), "their own outcomes");
    assertArrayEquals(new int[] {0},
        new OutcomePrm(policy, SEVEN).judge(PROBLEM, TokenPath.root('Q'), KEY, List.of(ScriptedPolicy.generation("a\n"))).rollouts());
  }

  /** The search passes over what was cut: with e all is decided after 6 of 8, but b and c are not yet told apart. */
  @Test
  void earlyStopKeepsTheSurvivorsWithoutWhatWasCut() throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy()
        .after("Q:s\na\n", "x=7$")
        .after("Q:s\nb\n", "x=7$", "x=1$", "x=1$", "x=1$", "x=1$", "x=1$", "x=7$", "x=7$")
        .after("Q:s\nc\n", "x=7$", "x=1$", "x=1$", "x=1$", "x=1$", "x=1$", "x=1$", "x=1$");
    assertArrayEquals(new double[] {1, .375, .125, 0}, score(policy, 8, true, "a\n", "b\n", "c\n", "e~"));
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

  /** In a correction only what follows the marker is graded, and ends a completion. */
  @Test
  void aCritiqueIsNoAnswer() throws InterruptedException {
    TokenPath path = TokenPath.root(SolutionMarker.of("Solution:"), 'Q');
    OutcomeReward seven = (problem, solution) -> solution.equals("x=\\boxed{7}");
    ScriptedPolicy policy = new ScriptedPolicy()
        .after("QYou wrote \\boxed{7}.\n", "Solution:\nx=\\boxed{7}$", "Solution:\nx=\\boxed{8}$");
    List<Generation> steps = Stream.of("You wrote \\boxed{7}.\n", "Solution:\nx=\\boxed{7}").map(ScriptedPolicy::generation).toList();
    var settings = new MonteCarloPrm.Settings(2, SamplingSettings.temperature(0.8f, 100), false);
    assertArrayEquals(new double[] {.5, 1}, new MonteCarloPrm(policy, seven, settings).score(PROBLEM, path, KEY, steps));
    assertArrayEquals(new double[] {.5, 1}, new OutcomePrm(policy, seven).score(PROBLEM, path, KEY, steps));
    StopRule stop = FinalAnswer.stop(path.marker(), "You wrote \\boxed{7}.\n");
    assertFalse(stop.stop("It is \\boxed{", 0));
    assertTrue(stop.stop("It is \\boxed{8}", 0), "a second answer without the marker ends it too");
    assertFalse(FinalAnswer.stop(path.marker(), "You wrote: ").stop("\\boxed{7}", 0), "the first is taken for a quoted one");
    assertTrue(stop.stop("Solution:\nx=\\boxed{8}", 0));
    assertTrue(FinalAnswer.stop(path.marker(), "a\nSolution:\n").stop("x=\\boxed{8}", 0));
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
