package dev.sphere.engine.strategy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.Generation;
import dev.sphere.engine.HashPolicy;
import dev.sphere.engine.Policy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.ProcessRewardModel;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.reward.Aggregation;
import dev.sphere.engine.reward.RandomPrm;
import dev.sphere.engine.search.SearchSettings;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SolverTest {
  private static final Problem PROBLEM = new Problem("p", "q", "7");
  private static final SearchSettings SEARCH = SearchSettings.paper()
      .withCandidates(3).withSeparator("\n").withSampling(SamplingSettings.temperature(0.8f, 64)).withMaxDepth(9);

  private final HashPolicy policy = new HashPolicy(0.4);

  private TokenPath prompt(String question) {
    return TokenPath.root(policy.tokenize(policy.render(List.of(new Policy.Message("user", question))), true));
  }

  private StrategyResult solve(Strategy kind, long budget, ProcessRewardModel prm, int passes) throws InterruptedException {
    return new Solver(policy, p -> prm, passes, (p, s) -> false, SEARCH, StrategySettings.of(kind, budget), 3)
        .solve(PROBLEM, "test", prompt("q"));
  }

  @ParameterizedTest
  @EnumSource(Strategy.class)
  void aBudgetIsSpentAndNothingIsBegunAfterwards(Strategy kind) throws Exception {
    int wholeWave = 8 * 9 * 64; // beams, steps, tokens of a step
    StrategyResult few = solve(kind, 400, new RandomPrm(), 1);
    StrategyResult many = solve(kind, 4000, new RandomPrm(), 1);
    assertTrue(few.spent() >= 400 && few.spent() < 400 + wholeWave, kind + " spent " + few.spent());
    assertTrue(many.spent() >= 4000 && many.spent() < 4000 + wholeWave, kind + " spent " + many.spent());
    assertTrue(many.solutions().size() > few.solutions().size(), "more budget, more solutions");
    assertEquals(kind == Strategy.REJECTION, many.read() == 0, "only rejection reads nothing");
    for (Solution s : many.solutions()) {
      assertTrue(s.terminal());
      assertEquals(policy.detokenize(s.tokens()), s.text());
      assertEquals(prompt("q").length() + s.tokens().length, s.path().length());
      for (Generation step : s.steps().subList(0, s.steps().size() - 1)) {
        assertTrue(step.text().endsWith("\n") && step.text().indexOf('\n') == step.text().length() - 1, step.text());
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Strategy.class)
  void theSameAgainIsTheSame(Strategy kind) throws Exception {
    StrategyResult first = solve(kind, 1500, new RandomPrm(), 1);
    StrategyResult again = solve(kind, 1500, new RandomPrm(), 1);
    assertEquals(first.solutions().stream().map(Solution::text).toList(),
        again.solutions().stream().map(Solution::text).toList());
    assertEquals(first.spent(), again.spent());
    assertEquals(first.values(), again.values());
  }

  @Test
  void aLargerBudgetGoesOnWhereTheSmallerOneEnded() throws Exception {
    for (Strategy kind : List.of(Strategy.BEST_OF_N, Strategy.REJECTION)) {
      List<String> few = solve(kind, 300, new RandomPrm(), 0).solutions().stream().map(Solution::text).toList();
      List<String> many = solve(kind, 3000, new RandomPrm(), 0).solutions().stream().map(Solution::text).toList();
      assertEquals(few, many.subList(0, few.size()), kind.label());
    }
  }

  /** With a reward that likes even numbers, what is ranked highest is even at its last scored step. */
  @Test
  void theRewardDecides() throws Exception {
    ProcessRewardModel likesSeven = (problem, path, key, steps) ->
        steps.stream().mapToDouble(s -> s.text().contains("answer=7") ? 1 : s.text().contains("answer") ? 0
            : 0.5).toArray();
    StrategyResult found = solve(Strategy.BEST_OF_N, 4000, likesSeven, 0);
    assertTrue(found.best().text().endsWith("answer=7"), found.best().text());
    StrategyResult rejection = solve(Strategy.REJECTION, 4000, (p, path, k, s) -> {
      throw new AssertionError("rejection asks no reward");
    }, 0);
    assertFalse(rejection.solutions().isEmpty());
  }

  @Test
  void aggregations() {
    List<Double> scores = List.of(0.9, 0.2, 0.6);
    assertEquals(0.6, Aggregation.LAST.of(scores));
    assertEquals(0.2, Aggregation.MIN.of(scores));
    assertEquals(1.7 / 3, Aggregation.MEAN.of(scores), 1e-12);
    assertEquals(0.108, Aggregation.PRODUCT.of(scores), 1e-12);
    assertEquals(0, Aggregation.MIN.of(List.of()));
  }

  @Test
  void namesAndLimits() {
    assertEquals(Strategy.BEST_OF_N, Strategy.of("best-of-n"));
    assertTrue(assertThrows(IllegalArgumentException.class, () -> Strategy.of("magic")).getMessage().contains("rejection"));
    assertThrows(IllegalArgumentException.class, () -> StrategySettings.of(Strategy.BEST_OF_N, 0));
  }

  /** A model without room draws nothing; every strategy comes to an end all the same. */
  @ParameterizedTest
  @EnumSource(Strategy.class)
  void aPromptWithoutRoomEnds(Strategy kind) throws Exception {
    Policy full = new HashPolicy(0.5) {
      @Override
      public List<Generation> generate(TokenPath path, List<Request> requests) {
        return requests.stream().map(r -> new Generation(new int[0], new float[0], "",
            Generation.Finish.LENGTH)).toList();
      }
    };
    StrategyResult found = new Solver(full, p -> new RandomPrm(), 1, (p, s) -> false, SEARCH, StrategySettings.of(kind, 1000), 3)
        .solve(PROBLEM, "full", prompt("q"));
    assertEquals(0, found.spent());
    assertTrue(found.best().truncated());
  }
}
