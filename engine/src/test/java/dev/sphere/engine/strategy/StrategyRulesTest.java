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
import dev.sphere.engine.Progress;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.ScriptedPolicy;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.ToldProgress;
import dev.sphere.engine.eval.Statistics;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.reward.Aggregation;
import dev.sphere.engine.reward.RandomPrm;
import dev.sphere.engine.search.ExpansionLog;
import dev.sphere.engine.search.SearchSettings;
import dev.sphere.engine.stage.Attempt;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Strategies on scripts small enough to be followed by hand: which paths are kept, what they cost, which is best. */
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
    StrategyResult found = solve(policy, new StrategySettings(Strategy.BEAM, 60, 4, 2, Aggregation.LAST), 0);
    assertEquals(List.of(".8:c\n.7:g\n.5:i", ".9:b\n.6:f\n.45:k"), texts(found).subList(0, 2));
    assertEquals(List.of(.5, .45), found.values().subList(0, 2));
    assertEquals(".8:c\n.7:g\n.5:i", found.best().text());
  }

  @Test
  void dvtsFollowsTheBestStepAlone() throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy()
        .after("Q:", ".2:a\n", ".9:b\n")
        .after("Q:.9:b\n", ".6:e$", ".6:f$");
    StrategyResult found = solve(policy, new StrategySettings(Strategy.DVTS, 20, 2, 2, Aggregation.LAST), 0);
    assertEquals(".9:b\n.6:e", texts(found).getFirst(), "the first among equals");
  }

  @Test
  void aCompletePathKeepsItsPlaceInTheBeam() throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy()
        .after("Q:", ".9:a$", ".8:b\n", ".7:c\n", ".6:d\n")
        .after("Q:.8:b\n", ".3:e\n", ".6:f\n")
        .after("Q:.8:b\n.6:f\n", ".2:g$", ".1:h$");
    StrategyResult found = solve(policy, new StrategySettings(Strategy.BEAM, 50, 4, 2, Aggregation.LAST), 0);
    assertEquals(List.of(".9:a", ".8:b\n.6:f\n.2:g"), texts(found).subList(0, 2));
  }

  @Test
  void bestOfNIsRankedByTheAggregationItIsTold() throws InterruptedException {
    String[] solutions = {".5:a\n.6:b$", ".1:c\n.9:d$", ".2:e\n.8:f~"};
    ScriptedPolicy policy = new ScriptedPolicy().after("Q:", solutions);
    for (Aggregation a : Aggregation.values()) {
      StrategyResult found = solve(policy, new StrategySettings(Strategy.BEST_OF_N, 1, 3, 3, a), 1);
      assertEquals(3, found.solutions().size(), "a wave of the width");
      assertEquals(a == Aggregation.LAST ? ".1:c\n.9:d" : ".5:a\n.6:b", found.best().text(), a.label());
      // 9 characters and an end each, but for the last: generated once, and read once however ranked
      assertEquals(List.of(29L, 29L), List.of(found.generated(), found.read()), a.label());
    }
    StrategyResult last = solve(policy, new StrategySettings(Strategy.BEST_OF_N, 1, 3, 3, Aggregation.LAST), 2);
    assertEquals(58, last.read(), "two models read everything");
    assertEquals(1, last.solutions().get(0).scores().size());
    assertEquals(2, solve(policy, new StrategySettings(Strategy.BEST_OF_N, 1, 3, 3, Aggregation.MIN), 0).solutions().get(0)
        .scores().size());
  }

  @Test
  void whatIsReadCountsInTheBudget() throws InterruptedException {
    // Two solutions of 5 tokens a wave: 10 are generated and 10 read, so that 20 are spent with one wave.
    ScriptedPolicy policy = new ScriptedPolicy().after("Q:", ".5:a$", ".6:b$");
    StrategySettings settings = new StrategySettings(Strategy.BEST_OF_N, 20, 2, 2, Aggregation.LAST);
    assertEquals(2, solve(policy, settings, 1).solutions().size());
    assertEquals(4, solve(policy, settings, 0).solutions().size());
    StrategySettings more = new StrategySettings(Strategy.BEST_OF_N, 21, 2, 2, Aggregation.LAST);
    assertEquals(4, solve(policy, more, 1).solutions().size());
  }

  @Test
  void mctsGoesDownWhereTheValueIsAndComesBackWhereItIsNot() throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy()
        .after("Q:", ".6:a\n", ".5:b\n")
        .after("Q:.6:a\n", ".1:c$", ".05:d$")
        .after("Q:.5:b\n", ".7:e$", ".4:f$");
    StrategyResult found = solve(policy, new StrategySettings(Strategy.MCTS, 1000, 2, 2, Aggregation.LAST), 0);
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
      StrategyResult found = new Solver(policy, p -> WRITTEN, 0, (p, s) -> false,
          SEARCH.withUct(c).withResampleRounds(0), new StrategySettings(Strategy.MCTS, 1000, 2, 2, Aggregation.LAST), 3)
          .solve(PROBLEM, "test", TokenPath.root(policy.tokenize("Q:", true)));
      assertEquals(c < 2.46 ? ".8:a\n.7:d" : ".2:b\n.2:e", found.solutions().get(1).text(), "c = " + c);
    }
  }

  @Test
  void theStagesSeeABestSolutionAndTheRest() throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy().after("Q:", ".5:a=7$", ".9:b=1$", ".95:c=7~");
    Solver solver = new Solver(policy, p -> WRITTEN, 0, (p, s) -> false, SEARCH,
        new StrategySettings(Strategy.BEST_OF_N, 1, 3, 3, Aggregation.LAST), 3);
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

  /** What an earlier call left in the log is taken as it is, and the rest is done. */
  @Test
  void whatTheLogHasIsNotDoneAgain() throws InterruptedException {
    List<Problem> problems = List.of(new Problem("a", "A", "7"), new Problem("b", "B", "8"), new Problem("c", "C", "9"));
    List<StrategySettings> strategies = List.of(
        new StrategySettings(Strategy.BEST_OF_N, 1, 4, 4, Aggregation.LAST),
        new StrategySettings(Strategy.REJECTION, 1, 4, 4, Aggregation.LAST));
    Map<String, StrategyComparison.Solved> kept = new TreeMap<>();
    List<String> added = new ArrayList<>();
    StrategyComparison.Log log = new StrategyComparison.Log() {
      @Override
      public StrategyComparison.Solved find(StrategySettings settings, String problemId) {
        return kept.get(settings.kind().label() + " " + problemId);
      }

      @Override
      public void add(StrategySettings settings, StrategyComparison.Solved solved) {
        added.add(settings.kind().label() + " " + solved.outcome().problemId());
        kept.put(added.getLast(), solved);
      }
    };
    List<List<StrategyComparison.Cell>> both = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      ScriptedPolicy policy = answering(problems, ".5:\\boxed{7}$", ".8:\\boxed{8}$", ".4:\\boxed{7}$", ".9:\\boxed{7}~");
      both.add(new StrategyComparison(policy, p -> WRITTEN, 1, () -> { }, SEARCH, Prompts.defaults(), 3, 2)
          .run(problems, strategies, log, Progress.NONE));
      assertEquals(i == 0 ? 6 : 2, added.size(), added.toString());
      if (i == 0) {
        added.clear();
        kept.keySet().removeAll(List.of("best-of-n b", "rejection c"));
      }
    }
    assertEquals(List.of("best-of-n b", "rejection c"), added);
    for (int i = 0; i < 2; i++) {
      assertEquals(both.getFirst().get(i).outcomes(), both.getLast().get(i).outcomes());
      assertEquals(both.getFirst().get(i).generated(), both.getLast().get(i).generated());
      assertEquals(both.getFirst().get(i).read(), both.getLast().get(i).read());
      String label = strategies.get(i).kind().label();
      double before = kept.entrySet().stream().filter(e -> e.getKey().startsWith(label) && !added.contains(e.getKey()))
          .mapToDouble(e -> e.getValue().seconds()).max().orElseThrow();
      assertTrue(both.getLast().get(i).seconds() > before, "the time of the first call counts");
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
            new StrategySettings(Strategy.BEST_OF_N, 1, 4, 4, Aggregation.LAST),
            new StrategySettings(Strategy.REJECTION, 1, 4, 4, Aggregation.LAST)), heard);
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

  @SuppressWarnings("unchecked")
  private static List<Map<String, Object>> rows(CompareReport report) {
    return (List<Map<String, Object>>) report.toMap().get("rows");
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
