package dev.sphere.engine.strategy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.Generation;
import dev.sphere.engine.HashPolicy;
import dev.sphere.engine.Policy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.ProcessRewardModel;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.ScriptedPolicy;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.reward.Aggregation;
import dev.sphere.engine.reward.RandomPrm;
import dev.sphere.engine.search.ExpansionLog;
import dev.sphere.engine.search.SearchSettings;
import dev.sphere.engine.stage.Attempt;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Strategies on scripts small enough to be followed by hand: what solutions cost, which is best. */
class StrategyRulesTest {
  private static final Problem PROBLEM = new Problem("p", "q", "7");
  private static final SearchSettings SEARCH = SearchSettings.paper()
      .withCandidates(2).withSeparator("\n").withSampling(SamplingSettings.temperature(0.8f, 64)).withMaxDepth(5);

  /** Scores by what stands before the colon of a step: {@code .8:x}. */
  private static final ProcessRewardModel WRITTEN = (problem, path, key, steps) ->
      steps.stream().mapToDouble(s -> Double.parseDouble(s.text().substring(0, s.text().indexOf(':')))).toArray();

  private static StrategyResult solve(ScriptedPolicy policy, StrategySettings settings, int passes) throws InterruptedException {
    return new Solver(policy, p -> WRITTEN, passes, (p, s) -> false, SEARCH, settings, 3)
        .solve(PROBLEM, "test", TokenPath.root(policy.tokenize("Q:", true)));
  }

  @Test
  void bestOfNIsRankedByTheAggregationItIsTold() throws InterruptedException {
    String[] solutions = {".5:a\n.6:b$", ".1:c\n.9:d$", ".2:e\n.8:f~"};
    ScriptedPolicy policy = new ScriptedPolicy().after("Q:", solutions);
    for (Aggregation a : Aggregation.values()) {
      StrategyResult found = solve(policy, new StrategySettings(Strategy.BEST_OF_N, 1, 3, a), 1);
      assertEquals(3, found.solutions().size(), "a wave of the width");
      assertEquals(a == Aggregation.LAST ? ".1:c\n.9:d" : ".5:a\n.6:b", found.best().text(), a.label());
      // 9 characters and an end each, but for the last: generated once, and read once however ranked
      assertEquals(List.of(29L, 29L), List.of(found.generated(), found.read()), a.label());
    }
    StrategyResult last = solve(policy, new StrategySettings(Strategy.BEST_OF_N, 1, 3, Aggregation.LAST), 2);
    assertEquals(58, last.read(), "two models read everything");
    assertEquals(1, last.solutions().get(0).scores().size());
    assertEquals(2, solve(policy, new StrategySettings(Strategy.BEST_OF_N, 1, 3, Aggregation.MIN), 0).solutions().get(0)
        .scores().size());
  }

  @Test
  void whatIsReadCountsInTheBudget() throws InterruptedException {
    // Two solutions of 5 tokens a wave: 10 are generated and 10 read, so that 20 are spent with one wave.
    ScriptedPolicy policy = new ScriptedPolicy().after("Q:", ".5:a$", ".6:b$");
    StrategySettings settings = new StrategySettings(Strategy.BEST_OF_N, 20, 2, Aggregation.LAST);
    assertEquals(2, solve(policy, settings, 1).solutions().size());
    assertEquals(4, solve(policy, settings, 0).solutions().size());
    StrategySettings more = new StrategySettings(Strategy.BEST_OF_N, 21, 2, Aggregation.LAST);
    assertEquals(4, solve(policy, more, 1).solutions().size());
  }

  @Test
  void theStagesSeeABestSolutionAndTheRest() throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy().after("Q:", ".5:a=7$", ".9:b=1$", ".95:c=7~");
    Solver solver = new Solver(policy, p -> WRITTEN, 0, (p, s) -> false, SEARCH,
        new StrategySettings(Strategy.BEST_OF_N, 1, 3, Aggregation.LAST), 3);
    List<Attempt> attempts = new StrategyExplorer(solver, policy, (p, s) -> s.endsWith("=7"))
        .explore(PROBLEM, "generation", TokenPath.root(policy.tokenize("Q:", true)), ExpansionLog.none());
    assertEquals(List.of(".9:b=1", ".5:a=7", ".95:c=7"), attempts.stream().map(Attempt::text).toList());
    assertEquals(List.of(true, false, false), attempts.stream().map(Attempt::max).toList());
    assertEquals(List.of(false, true, false), attempts.stream().map(Attempt::correct).toList());
    assertEquals(List.of(false, false, true), attempts.stream().map(Attempt::truncated).toList());
    assertEquals(List.of(0, 1, 2), attempts.stream().map(Attempt::simulation).toList());
  }

  /** Answers that the policy gives to every problem, with what is in front for a score. */
  private static ScriptedPolicy answering(List<Problem> problems, String... answers) {
    ScriptedPolicy policy = new ScriptedPolicy();
    for (Problem p : problems) {
      policy.after(policy.render(Prompts.defaults().ask(p)), answers);
    }
    return policy;
  }

  @Test
  void bestOfNGainsOverTheBlindChoice() throws InterruptedException {
    List<Problem> problems = List.of(new Problem("a", "A", "7"), new Problem("b", "B", "8"), new Problem("c", "C",
        "9"));
    // Two steps each. last: 8; min: 7; mean: 8 (.5 against .45); product: 7 (.2 against .09). The fourth is cut.
    ScriptedPolicy policy = answering(problems, ".5:x\n.4:\\boxed{7}$", ".1:x\n.9:\\boxed{8}$", ".1:x\n.2:\\boxed{7}$",
        ".9:x\n.95:\\boxed{9}~");
    BestOfNGain g = BestOfNGain.measure(policy, p -> WRITTEN, 1, SEARCH, Prompts.defaults(), problems, 4, 3, 2);
    assertEquals(3, g.problems());
    assertEquals(4, g.samples());
    assertEquals((2 / 4.0 + 1 / 4.0) / 3, g.mean(), 1e-12, "a cut answer is no right one");
    assertEquals(2 / 3.0, g.coverage(), 1e-12);
    assertEquals(Map.of(Aggregation.LAST, 1 / 3.0, Aggregation.MIN, 1 / 3.0, Aggregation.MEAN, 1 / 3.0,
        Aggregation.PRODUCT, 1 / 3.0), g.chosen());
    // The same again with the problem that 8 solves alone.
    BestOfNGain eight = BestOfNGain.measure(policy, p -> WRITTEN, 1, SEARCH, Prompts.defaults(), problems.subList(1,
        2), 4, 3,
        1);
    assertEquals(Map.of(Aggregation.LAST, 1.0, Aggregation.MIN, 0.0, Aggregation.MEAN, 1.0, Aggregation.PRODUCT, 0.0),
        eight.chosen());
    assertEquals(.75, eight.gain().get(Aggregation.LAST).low(), 1e-12);
    assertEquals(-.25, eight.gain().get(Aggregation.MIN).high(), 1e-12);
    assertEquals(g.generated(), g.read(), "each token is read once by one model");
  }

  @Test
  void seedsProblemsAndNamesHaveDrawsOfTheirOwn() throws InterruptedException {
    for (Strategy kind : Strategy.values()) {
      List<String> one = draw(kind, 3, "p", "n");
      assertEquals(one, draw(kind, 3, "p", "n"), kind.label());
      assertNotEquals(one, draw(kind, 4, "p", "n"), kind + ": seed");
      assertNotEquals(one, draw(kind, 3, "p2", "n"), kind + ": problem");
      assertNotEquals(one, draw(kind, 3, "p", "m"), kind + ": name");
    }
  }

  private static List<String> draw(Strategy kind, long seed, String problem, String name) throws InterruptedException {
    List<Policy.Request> asked = new java.util.concurrent.CopyOnWriteArrayList<>();
    HashPolicy policy = new HashPolicy(0.5) {
      @Override
      public List<Generation> generate(TokenPath path, List<Request> requests) {
        asked.addAll(requests);
        return super.generate(path, requests);
      }
    };
    StrategyResult found = new Solver(policy, p -> new RandomPrm(), 0, (p, s) -> false, SEARCH, StrategySettings.of(kind, 200),
        seed)
        .solve(new Problem(problem, "q", "7"), name, TokenPath.root(policy.tokenize("u[q]a:", true)));
    assertEquals(asked.size(), asked.stream().map(r -> r.key() + "").distinct().count(), kind + ": no draw twice");
    for (Policy.Request r : asked) {
      assertEquals(0.8f, r.sampling().temperature());
    }
    assertFalse(asked.isEmpty());
    assertTrue(asked.stream().allMatch(r -> r.key().seed() == seed));
    return found.solutions().stream().map(Solution::text).toList();
  }
}
