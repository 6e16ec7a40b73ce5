package dev.sphere.lab.strategy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.base.SplitMix;
import dev.sphere.engine.Generation;
import dev.sphere.engine.HashPolicy;
import dev.sphere.engine.Policy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.ProcessRewardModel;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.ScriptedPolicy;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.ToldProgress;
import dev.sphere.engine.eval.Statistics;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.reward.Aggregation;
import dev.sphere.engine.reward.RandomPrm;
import dev.sphere.engine.search.SearchSettings;
import dev.sphere.engine.stage.PrmFactory;
import dev.sphere.engine.strategy.Solution;
import dev.sphere.engine.strategy.StrategyResult;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Strategies on scripts small enough to be followed by hand: which paths are kept, what they cost, which is best. */
class StrategyComparisonTest {
  private static final Problem PROBLEM = new Problem("p", "q", "7");
  private static final SearchSettings SEARCH = SearchSettings.paper()
      .withCandidates(2).withSeparator("\n").withSampling(SamplingSettings.temperature(0.8f, 64)).withMaxDepth(5);
  private static final SearchSettings STEPS = SEARCH.withCandidates(3).withMaxDepth(9);
  private static final HashPolicy HASH = new HashPolicy(0.4);

  /** Scores by what stands before the colon of a step: {@code .8:x}. */
  private static final ProcessRewardModel WRITTEN = (problem, path, key, steps) ->
      steps.stream().mapToDouble(s -> Double.parseDouble(s.text().substring(0, s.text().indexOf(':')))).toArray();

  private static StrategyComparison comparison(Policy policy, PrmFactory prm, int passes, SearchSettings search) {
    return new StrategyComparison(policy, prm, passes, () -> { }, search, Prompts.defaults(), 3, 2);
  }

  private static StrategyResult solve(ScriptedPolicy policy, ComparedSettings settings, int passes) throws InterruptedException {
    return comparison(policy, p -> WRITTEN, passes, SEARCH)
        .found(PROBLEM, "test", TokenPath.root(policy.tokenize("Q:", true)), settings);
  }

  private static TokenPath prompt() {
    return TokenPath.root(HASH.tokenize(HASH.render(List.of(new Policy.Message("user", "q"))), true));
  }

  private static List<String> texts(StrategyResult found) {
    return found.solutions().stream().map(Solution::text).toList();
  }

  @Test
  void beamSearchKeepsTheBestPathsOfAll() throws InterruptedException {
    // Four beams of width two: two paths are kept. Kept at first: .9 and .8; then the two best of their four children.
    ScriptedPolicy policy = new ScriptedPolicy()
        .after("Q:", ".2:a\n", ".9:b\n", ".8:c\n", ".5:d\n")
        .after("Q:.9:b\n", ".3:e\n", ".6:f\n")
        .after("Q:.8:c\n", ".7:g\n", ".1:h$")
        .after("Q:.8:c\n.7:g\n", ".5:i$", ".4:j$")
        .after("Q:.9:b\n.6:f\n", ".45:k$", ".2:l$");
    // "Q:" is two tokens; the budget ends within the second round's first expansion.
    StrategyResult found = solve(policy, new ComparedSettings(ComparedStrategy.BEAM, 60, 4, 2, Aggregation.LAST), 0);
    assertEquals(List.of(".8:c\n.7:g\n.5:i", ".9:b\n.6:f\n.45:k"), texts(found).subList(0, 2));
    assertEquals(List.of(.5, .45), found.values().subList(0, 2));
    assertEquals(".8:c\n.7:g\n.5:i", found.best().text());
  }

  @Test
  void dvtsFollowsTheBestStepAlone() throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy()
        .after("Q:", ".2:a\n", ".9:b\n")
        .after("Q:.9:b\n", ".6:e$", ".6:f$");
    StrategyResult found = solve(policy, new ComparedSettings(ComparedStrategy.DVTS, 20, 2, 2, Aggregation.LAST), 0);
    assertEquals(".9:b\n.6:e", texts(found).getFirst(), "the first among equals");
  }

  @Test
  void aCompletePathKeepsItsPlaceInTheBeam() throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy()
        .after("Q:", ".9:a$", ".8:b\n", ".7:c\n", ".6:d\n")
        .after("Q:.8:b\n", ".3:e\n", ".6:f\n")
        .after("Q:.8:b\n.6:f\n", ".2:g$", ".1:h$");
    StrategyResult found = solve(policy, new ComparedSettings(ComparedStrategy.BEAM, 50, 4, 2, Aggregation.LAST), 0);
    assertEquals(List.of(".9:a", ".8:b\n.6:f\n.2:g"), texts(found).subList(0, 2));
  }

  @Test
  void mctsGoesDownWhereTheValueIsAndComesBackWhereItIsNot() throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy()
        .after("Q:", ".6:a\n", ".5:b\n")
        .after("Q:.6:a\n", ".1:c$", ".05:d$")
        .after("Q:.5:b\n", ".7:e$", ".4:f$");
    StrategyResult found = solve(policy, new ComparedSettings(ComparedStrategy.MCTS, 1000, 2, 2, Aggregation.LAST), 0);
    // a is followed first; then UCT(a) = .1 + c sqrt(ln 2 / 2), UCT(b) = .5 + c sqrt(ln 2 / 1): b; the tree is
    // exhausted.
    assertEquals(List.of(".6:a\n.1:c", ".5:b\n.7:e"), texts(found).subList(0, 2));
    assertEquals(4, found.solutions().size(), "then nothing is open");
    assertEquals(".5:b\n.7:e", found.best().text());
  }

  @Test
  void mctsWeighsExplorationByItsConstant() throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy()
        .after("Q:", ".8:a\n", ".2:b\n")
        .after("Q:.8:a\n", ".8:c$", ".7:d$")
        .after("Q:.2:b\n", ".2:e$", ".1:f$");
    // Second selection: UCT(a) = .8 + c sqrt(ln 2 / 2), UCT(b) = .2 + c sqrt(ln 2): equal at c = .6 / .2438 = 2.461
    for (double c : new double[] {2.4, 2.5}) {
      StrategyResult found = comparison(policy, p -> WRITTEN, 0, SEARCH.withUct(c).withResampleRounds(0))
          .found(PROBLEM, "test", TokenPath.root(policy.tokenize("Q:", true)), new ComparedSettings(ComparedStrategy.MCTS, 1000, 2, 2, Aggregation.LAST));
      assertEquals(c < 2.46 ? ".8:a\n.7:d" : ".2:b\n.2:e", found.solutions().get(1).text(), "c = " + c);
    }
  }

  @Test
  void strategiesAreComparedByWhatIsRightAtWhatCost() throws InterruptedException {
    List<Problem> problems = List.of(new Problem("a", "A", "7"), new Problem("b", "B", "8"));
    // Highest score: 8. The vote: 7 has .5 + .4 against .8.
    ScriptedPolicy policy = answering(problems, ".5:\\boxed{7}$", ".8:\\boxed{8}$", ".4:\\boxed{7}$", ".9:\\boxed{7}~");
    AtomicInteger forgotten = new AtomicInteger();
    ToldProgress heard = new ToldProgress();
    List<StrategyComparison.Cell> cells = new StrategyComparison(policy, p -> WRITTEN, 1, forgotten::incrementAndGet,
        SEARCH,
        Prompts.defaults(), 3, 2).run(problems, List.of(
            new ComparedSettings(ComparedStrategy.BEST_OF_N, 1, 4, 4, Aggregation.LAST),
            new ComparedSettings(ComparedStrategy.REJECTION, 1, 4, 4, Aggregation.LAST)), heard);
    assertEquals(2, forgotten.get(), "every cell pays for its own scores");
    assertEquals(2, heard.done);
    assertEquals(2, heard.notes.size());
    assertTrue(heard.notes.getFirst().startsWith("best-of-n, budget 1: 50.0 %, "), heard.notes.getFirst());
    StrategyComparison.Cell best = cells.get(0);
    assertEquals(List.of(false, true), best.outcomes().stream().map(StrategyComparison.Outcome::right).toList());
    assertEquals(List.of(true, false), best.outcomes().stream().map(StrategyComparison.Outcome::voteRight).toList());
    assertEquals(List.of(3, 3), best.outcomes().stream().map(StrategyComparison.Outcome::solutions).toList());
    assertEquals(List.of(2, 1), best.outcomes().stream().map(StrategyComparison.Outcome::rightSolutions).toList());
    assertEquals(List.of(2, 2), best.outcomes().stream().map(StrategyComparison.Outcome::pairs).toList());
    assertEquals(.5, best.accuracy());
    assertEquals(.5, best.voteAccuracy());
    assertEquals(1, best.coverage());
    assertEquals(4, best.pairs());
    assertEquals(2, best.withPairs());
    // 12 characters and an end, but for the last: generated, and read by one model
    long generated = 2 * (3 * 13 + 12);
    assertEquals(List.of(generated, generated), List.of(best.generated(), best.read()));
    assertEquals(generated, best.tokensPerProblem());
    assertEquals(4e6 / (2 * generated), best.pairsPerMillion(), 1e-9);
    // Rejection has no scores: its best is the majority's.
    StrategyComparison.Cell rejection = cells.get(1);
    assertEquals(List.of(true, false), rejection.outcomes().stream().map(StrategyComparison.Outcome::right).toList());
    assertEquals(0, rejection.read());
    CompareReport report = new CompareReport(cells, false);
    Map<String, Object> row = rows(report).get(0);
    assertEquals(.5, row.get("accuracy"));
    assertEquals("best-of-n", row.get("strategy"));
    Statistics.Interval half = Statistics.wilson(1, 2, 1.959963984540054);
    assertEquals(half.low(), (double) row.get("accuracy_low"), 1e-12);
    assertEquals(half.high(), (double) row.get("accuracy_high"), 1e-12);
  }
  /** Answers that the policy gives to every problem, with what is in front for a score. */
  private static ScriptedPolicy answering(List<Problem> problems, String... answers) {
    ScriptedPolicy policy = new ScriptedPolicy();
    for (Problem p : problems) {
      policy.after(policy.render(Prompts.defaults().ask(p)), answers);
    }
    return policy;
  }

  @SuppressWarnings("unchecked")
  private static List<Map<String, Object>> rows(CompareReport report) {
    return (List<Map<String, Object>>) report.toMap().get("rows");
  }

  @Test
  void beamsKeepTheBest() throws Exception {
    List<double[]> asked = new ArrayList<>();
    ProcessRewardModel byHash = (problem, path, key, steps) -> {
      double[] scores = steps.stream().mapToDouble(s -> (SplitMix.hash(s.text()) >>> 11) * 0x1p-53).toArray();
      asked.add(scores);
      return scores;
    };
    StrategyResult found = comparison(HASH, p -> byHash, 0, STEPS)
        .found(PROBLEM, "one round", prompt(), new ComparedSettings(ComparedStrategy.BEAM, 1, 8, 4, Aggregation.LAST));
    assertEquals(1, found.solutions().size(), "the budget ended after the first expansion: one path is followed");
    assertEquals(8, asked.getFirst().length, "8 candidates, then one a step");
    assertTrue(asked.stream().skip(1).allMatch(s -> s.length == 1) && asked.size() < 1 + 9, "steps: " + asked.size());
    List<Double> kept = found.solutions().getFirst().scores();
    assertEquals(Arrays.stream(asked.getFirst()).max().orElseThrow(), kept.getFirst(), "the best of the 8 was kept");
    assertEquals(asked.size(), kept.size());
    assertEquals(List.of(kept.getLast()), found.values());
  }

  @ParameterizedTest
  @EnumSource(ComparedStrategy.class)
  void aBudgetIsSpentTheSameWayAgain(ComparedStrategy kind) throws Exception {
    int wholeWave = 8 * 9 * 64; // beams, steps, tokens of a step
    StrategyComparison comparison = comparison(HASH, p -> new RandomPrm(), 1, STEPS);
    StrategyResult few = comparison.found(PROBLEM, "test", prompt(), ComparedSettings.of(kind, 400));
    StrategyResult many = comparison.found(PROBLEM, "test", prompt(), ComparedSettings.of(kind, 4000));
    StrategyResult again = comparison.found(PROBLEM, "test", prompt(), ComparedSettings.of(kind, 4000));
    assertTrue(few.spent() >= 400 && few.spent() < 400 + wholeWave, kind + " spent " + few.spent());
    assertTrue(many.spent() >= 4000 && many.spent() < 4000 + wholeWave, kind + " spent " + many.spent());
    assertTrue(many.solutions().size() > few.solutions().size(), "more budget, more solutions");
    assertEquals(many.solutions().stream().map(Solution::text).toList(), again.solutions().stream().map(Solution::text).toList());
    assertEquals(many.values(), again.values());
    assertEquals(many.spent(), again.spent());
  }

  /** A model without room draws nothing; every strategy comes to an end all the same. */
  @ParameterizedTest
  @EnumSource(ComparedStrategy.class)
  void aPromptWithoutRoomEnds(ComparedStrategy kind) throws Exception {
    Policy full = new HashPolicy(0.5) {
      @Override
      public List<Generation> generate(TokenPath path, List<Request> requests) {
        return requests.stream().map(r -> new Generation(new int[0], new float[0], "", Generation.Finish.LENGTH)).toList();
      }
    };
    StrategyResult found = comparison(full, p -> new RandomPrm(), 1, STEPS)
        .found(PROBLEM, "full", prompt(), ComparedSettings.of(kind, 1000));
    assertEquals(0, found.spent());
    assertTrue(found.best().truncated());
  }

  @Test
  void beamsAreAMultipleOfTheWidth() {
    assertThrows(IllegalArgumentException.class,
        () -> new ComparedSettings(ComparedStrategy.BEAM, 10, 6, 4, Aggregation.LAST));
  }
}
