package dev.sphere.engine.stage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.HashPolicy;
import dev.sphere.engine.MarkedText;
import dev.sphere.engine.OutcomeReward;
import dev.sphere.engine.Policy;
import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.Problem;
import dev.sphere.engine.ProcessRewardModel;
import dev.sphere.engine.Progress;
import dev.sphere.engine.ScriptedPolicy;
import dev.sphere.engine.ToldProgress;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.reward.RandomPrm;
import dev.sphere.engine.run.OpenedSearch;
import dev.sphere.engine.run.Search;
import dev.sphere.engine.search.SearchSettings;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Which attempts become pairs, which are corrected, and how a run counts them. */
class StageRulesTest {
  private static final Problem PROBLEM = new Problem("p1", "Q", "7");
  private static final OutcomeReward SEVEN = (problem, solution) -> solution.strip().endsWith("=7");
  private static final Prompts PROMPTS = new Prompts("", "{question}", "again", "Solution:");
  private static final SearchSettings SEARCH = SearchSettings.paper().withCandidates(2).withSeparator("\n");
  private static final int[] NONE = {};

  private static Attempt attempt(int simulation, boolean max, String path, String text) {
    return new Attempt("generation", simulation, max, path, text.endsWith("=7"), text.endsWith("~"), text, NONE);
  }

  private static StageSettings settings(boolean correction, StageSettings.Pairing pairing, int pairs, int corrections,
      boolean correctPaired) {
    return new StageSettings(PROMPTS, correction, false, 2, pairing, pairs, corrections, correctPaired, false);
  }

  /** The stages over explorers that find what they are told. */
  private static ProblemResult solve(StageSettings settings, List<String> asked, List<Attempt> first, Attempt... second)
      throws InterruptedException {
    Explorer explorer = (problem, name, prompt, log) -> {
      asked.add(name + " " + new ScriptedPolicy().detokenize(prompt.toArray()));
      return name.equals("generation") ? first : List.of(second);
    };
    ProcessRewardModel none = (p, path, key, steps) -> new double[steps.size()];
    SolverOptions options = SolverOptions.of(SEVEN, SEARCH, settings, 1)
        .withStrategy(Optional.of((policy, prm) -> explorer));
    return new ProblemSolver(new ProblemSolver.Models(new Actor(new ScriptedPolicy(), p -> none), Optional.empty()), options)
        .work(new Task.Solve(PROBLEM, Optional.empty()), records(new MemoryLog())).result();
  }

  private static List<String> pairs(ProblemResult result, int stage) {
    return result.stages().get(stage).pairs().stream().map(p -> p.chosen() + ">" + p.rejected()).toList();
  }

  @Test
  void pairsOfOneSimulationComeFirstThenThoseThatShareMost() throws InterruptedException {
    List<Attempt> found = List.of(attempt(0, true, "+++", "a=7"), attempt(0, false, "---", "b=1"),
        attempt(1, true, "-++", "c=7"), attempt(1, false, "++-", "d=2"));
    StageSettings chains = settings(false, StageSettings.Pairing.CHAINS, 9, 1, true);
    // c and b share one step, a and d two
    assertEquals(List.of("a=7>b=1", "c=7>d=2", "a=7>d=2", "c=7>b=1"), pairs(solve(chains, new ArrayList<>(), found),
        0));
    StageSettings two = settings(false, StageSettings.Pairing.CHAINS, 2, 1, true);
    assertEquals(List.of("a=7>b=1", "c=7>d=2"), pairs(solve(two, new ArrayList<>(), found), 0));
  }

  @Test
  void chainsSetARightSolMaxAgainstAWrongSolMinAlone() throws InterruptedException {
    List<Attempt> found = List.of(attempt(0, true, "+", "a=1"), attempt(0, false, "-", "b=7"),
        attempt(1, true, "-+", "c=7"), attempt(1, false, "--", "d=2~"), attempt(2, false, "--", " "));
    assertEquals(List.of(), pairs(solve(settings(false, StageSettings.Pairing.CHAINS, 9, 1, true), new ArrayList<>(),
        found), 0));
    assertEquals(List.of("b=7>a=1", "c=7>a=1"), pairs(solve(settings(false, StageSettings.Pairing.ANY, 9, 1, true),
        new ArrayList<>(), found), 0), "neither cut nor empty solutions are rejected ones");
  }

  @Test
  void asManyMistakesAreCorrectedAsTheSettingsSay() throws InterruptedException {
    List<Attempt> wrong = List.of(attempt(0, true, "+", "a=1"), attempt(0, false, "-", "b=2"),
        attempt(1, true, "-+", "a=1"), attempt(1, false, "--", "c=3"));
    List<String> asked = new ArrayList<>();
    ProblemResult result = solve(settings(true, StageSettings.Pairing.CHAINS, 9, 2, true), asked, wrong,
        attempt(0, true, "+", "wrong=5"), attempt(0, false, "-", "I see. Solution: x=7"));
    assertEquals(List.of("generation u[Q]a:", "correction:+ u[Q]a[a=1]u[again]a:", "correction:- u[Q]a[b=2]u[again]a:"),
        asked);
    assertEquals(List.of("x=7>a=1", "x=7>b=2"), pairs(result, 1));
    List<String> more = new ArrayList<>();
    solve(settings(true, StageSettings.Pairing.CHAINS, 9, 5, true), more, wrong, attempt(0, true, "+", "w=5"));
    assertEquals(4, more.size(), "the same mistake is corrected once");
  }

  @Test
  void problemsWithAPairAreCorrectedOnlyIfTheSettingsSaySo() throws InterruptedException {
    List<Attempt> found = List.of(attempt(0, true, "+", "a=7"), attempt(0, false, "-", "b=2"));
    for (boolean paired : new boolean[] {true, false}) {
      List<String> asked = new ArrayList<>();
      ProblemResult result = solve(settings(true, StageSettings.Pairing.CHAINS, 9, 2, paired), asked, found,
          attempt(0, true, "+", "Solution: c=7"));
      assertEquals(paired ? 2 : 1, asked.size());
      assertEquals(paired ? List.of("c=7>b=2") : List.of(), pairs(result, 1));
    }
  }

  @Test
  void aCorrectionThatRepeatsAPairIsNoSecondOne() throws InterruptedException {
    List<Attempt> found = List.of(attempt(0, true, "+", "a  =7"), attempt(0, false, "-", "b=2"));
    ProblemResult result = solve(settings(true, StageSettings.Pairing.CHAINS, 9, 2, true), new ArrayList<>(), found,
        attempt(0, true, "+", "Solution: a =7"));
    assertEquals(Reason.DUPLICATE, result.stages().get(1).reason());
  }

  @Test
  void ofTheSmallModelsWrongSolutionsSolMinComesFirst() throws InterruptedException {
    ProcessRewardModel bySign = (p, path, key, steps) ->
        steps.stream().mapToDouble(s -> s.text().startsWith("+") ? 1 : 0).toArray();
    ScriptedPolicy policy = new ScriptedPolicy().after("u[Q]a:", "+x=7$", "-y=7$");
    ScriptedPolicy small = new ScriptedPolicy().after("u[Q]a:", "+p=3$", "-s=5$");
    ProblemResult result = new ProblemSolver(
        new ProblemSolver.Models(new Actor(policy, p -> bySign), Optional.of(new Actor(small, p -> bySign))),
        SolverOptions.of(SEVEN, SEARCH, StageSettings.defaults().withPrompts(PROMPTS), 1))
        .work(new Task.Solve(PROBLEM, Optional.empty()), records(new MemoryLog())).result();
    assertEquals(List.of("+x=7>-s=5", "+x=7>+p=3"), pairs(result, 2));
  }

  @Test
  void capsAndLikenessBind() {
    PairRules two = new PairRules(2, 2, 0, true);
    Pairs.Seen seen = new Pairs.Seen();
    Pairs first = new Pairs("p", Stage.GENERATION, MarkedText.of("q"), NONE, 1, two, seen);
    first.add("a", NONE, "b", NONE);
    first.add("c", NONE, "d", NONE);
    assertEquals(1, first.result(Reason.BOTH_RIGHT, List.of()).pairs().size(), "one a stage");
    Pairs second = new Pairs("p", Stage.CORRECTION, MarkedText.of("q"), NONE, 9, two, seen);
    second.add("e", NONE, "f", NONE);
    second.add("g", NONE, "h", NONE);
    assertEquals(1, second.result(Reason.BOTH_RIGHT, List.of()).pairs().size(), "two a problem");
    Pairs third = new Pairs("p", Stage.DIVERSITY, MarkedText.of("q"), NONE, 9, two, seen);
    third.add("i", NONE, "j", NONE);
    assertEquals(Reason.CAPPED, third.result(Reason.BOTH_RIGHT, List.of()).reason());
    // A half of the words: left out at one half, not above.
    for (double share : new double[] {0.5, 0.51}) {
      Pairs alike = new Pairs("p", Stage.GENERATION, MarkedText.of("q"), NONE, 9, new PairRules(share, 9, 0, true), new Pairs.Seen());
      alike.add("one two three 7", NONE, "x 8", NONE);
      alike.add("one two four 7", NONE, "x 8", NONE);
      assertEquals(share == 0.5 ? 1 : 2, alike.result(null, List.of()).pairs().size());
    }
    PreferencePair a = new PreferencePair("p", "s", "q", "one two 7", "x 8", NONE, NONE, NONE);
    PreferencePair b = new PreferencePair("p", "s", "q", "one two 7", "y 8", NONE, NONE, NONE);
    assertEquals(0, NearDuplicates.similarity(a, b), "pairs are as alike as the less alike of their sides");
    Pairs long2 = new Pairs("p", Stage.GENERATION, MarkedText.of("q"), NONE, 9, new PairRules(2, 9, 2, true), new Pairs.Seen());
    long2.add("aaaa", NONE, "bb", NONE);
    long2.add("cc", NONE, "dddd", NONE);
    long2.add("eeeee", NONE, "ff", NONE);
    assertEquals(2, long2.result(null, List.of()).pairs().size(), "twice as long is not longer than twice");
  }

  @Test
  void promptsSayWhatTheyAreTold() {
    Prompts p = new Prompts("Be brief.", "Q: {question}", "No. {question} again", "So:");
    assertEquals("s[Be brief.]u[Q: Q]a[bad]u[No. Q again]a:", new ScriptedPolicy().render(p.askToCorrect(PROBLEM,
        "bad")));
    assertEquals("s[Be brief.]u[Q: Q]a:", new ScriptedPolicy().render(p.ask(PROBLEM)));
    assertEquals("b", p.marker().solution("a So: x So:** \n b"));
    assertNull(p.marker().solution("a b"));
    assertEquals("a So: b", p.with(null, null, null, "", null).marker().solution("a So: b"));
    assertEquals(new Prompts("1", "{question}2", "3", "4", "5"), p.with("1", "{question}2", "3", "4", "5"));
    assertEquals(p, p.with(null, null, null, null, null));
    assertThrows(IllegalArgumentException.class, () -> p.with(null, "no place", null, null, null));
    assertThrows(IllegalArgumentException.class, () -> p.with(null, null, " ", null, null));
  }

  @Test
  void aRunCountsWhatItMade() {
    ProblemResult right = new ProblemResult("1", List.of(
        new StageResult("1", Stage.GENERATION, List.of(new PreferencePair("1", "generation", "q", "aaaa", "bb", NONE,
            NONE,
            NONE)), null, List.of(attempt(0, true, "+", "a=7"), attempt(0, false, "-", "b=2"))),
        StageResult.without("1", Stage.CORRECTION, Reason.NOT_APPLICABLE),
        StageResult.without("1", Stage.DIVERSITY, Reason.DISABLED)));
    ProblemResult none = new ProblemResult("2", List.of(
        new StageResult("2", Stage.GENERATION, List.of(), Reason.ONLY_MIN_RIGHT,
            List.of(attempt(0, true, "+", "a=1"), attempt(0, false, "-", "b=1"))),
        new StageResult("2", Stage.CORRECTION, List.of(), Reason.NOT_CORRECTED,
            List.of(attempt(0, true, "+", "So that must be 5 of them."), attempt(0, false, "-", "and so 4 of~"))),
        StageResult.without("2", Stage.DIVERSITY, Reason.NOT_APPLICABLE)));
    ProblemResult one = new ProblemResult("3", List.of(
        new StageResult("3", Stage.GENERATION, List.of(), Reason.IDENTICAL,
            List.of(attempt(0, true, "+", "a=7"), attempt(1, true, "-", "c=1"))),
        StageResult.without("3", Stage.CORRECTION, Reason.NOT_APPLICABLE),
        new StageResult("3", Stage.DIVERSITY, List.of(
            new PreferencePair("3", "diversity", "q", "a 1", "bbbb", NONE, NONE, NONE),
            new PreferencePair("3", "diversity", "q", "a, 1", "bbbb", NONE, NONE, NONE)), null, List.of())));
    RunReport r = RunReport.of(List.of(right, none, one), null);
    assertEquals(List.of(3, 2, 1, 2), List.of(r.problems(), r.solMaxRight(), r.solMinRight(), r.withPairs()));
    assertEquals(Map.of(Stage.GENERATION, 1, Stage.CORRECTION, 0, Stage.DIVERSITY, 2), r.pairs());
    assertEquals(Map.of(Reason.NOT_CORRECTED, 1), r.reasons());
    assertEquals(Map.of(Reason.ONLY_MIN_RIGHT, 1, Reason.IDENTICAL, 1), r.stageReasons().get(Stage.GENERATION));
    assertEquals(11 / 3.0, r.chosenCharacters(), 1e-12);
    assertEquals(10 / 3.0, r.rejectedCharacters(), 1e-12);
    assertEquals(1, r.nearDuplicates());
    assertEquals(List.of(7, 1), List.of(r.answered(), r.guessed()), "what was cut has no answer to be stated");
    assertEquals(List.of(1, 0, 2), List.of(right.pairs(), none.pairs(), one.pairs()));
    assertNull(one.reason());
  }

  private static final SolverOptions OPTIONS =
      SolverOptions.of(HashPolicy.outcome(), SEARCH, StageSettings.defaults().withPrompts(PROMPTS), 3);

  /** A search without a small model. */
  private static Search alone(Policy policy, int parallel, RunLog log, Progress progress) {
    return OpenedSearch.of(
        new ProblemSolver.Models(new Actor(policy, p -> new RandomPrm()), Optional.empty()), OPTIONS, parallel, log, progress);
  }

  /** Which policy a stage's search runs over, with how many draws, and that the run's tokens are all counted. */
  @Test
  void aRunCountsTokensAndKeepsTheOrder() throws InterruptedException {
    List<Problem> problems = IntStream.range(0, 6).mapToObj(i -> new Problem("p" + i, "q" + i, "7")).toList();
    for (int parallel : new int[] {1, 3}) {
      HashPolicy policy = new HashPolicy(1);
      HashPolicy small = new HashPolicy(0);
      Set<Policy> judged = ConcurrentHashMap.newKeySet();
      PrmFactory factory = p -> {
        judged.add(((MeteredPolicy) ((MeteredPolicy) p).policy()).policy());
        return new RandomPrm();
      };
      ToldProgress heard = new ToldProgress();
      Search run = OpenedSearch.of(
          new ProblemSolver.Models(new Actor(policy, factory), Optional.of(new Actor(small, factory))), OPTIONS, parallel,
          new MemoryLog(), heard);
      List<ProblemResult> results = run.solve(problems);
      assertEquals(problems.stream().map(Problem::id).toList(),
          results.stream().map(ProblemResult::problemId).toList());
      assertEquals(Set.of(policy, small), judged, "each model's steps are judged over its own policy");
      assertEquals(6, heard.done);
      assertEquals(0, heard.first);
      assertEquals(6, heard.total);
      assertTrue(run.drawn().all() > 100);
      assertEquals(results.stream().mapToInt(ProblemResult::pairs).sum(), heard.pairs());
      // The policy is always right, so stage 3 runs; there the small model is always wrong and draws twice as much.
      assertTrue(results.stream().allMatch(p -> p.stages().get(2).pairs().size() > 0), results.toString());
      assertTrue(small.generated() > policy.generated(), small.generated() + " and " + policy.generated());
      for (ProblemResult p : results) {
        for (PreferencePair pair : p.stages().get(2).pairs()) {
          assertEquals(p.stages().getFirst().attempts().getFirst().text(), pair.chosen(), "Sol_max is chosen");
        }
      }
    }
    Search run = alone(new HashPolicy(1), 1, new MemoryLog(), Progress.NONE);
    List<Problem> twice = List.of(PROBLEM, PROBLEM);
    assertTrue(assertThrows(IllegalArgumentException.class, () -> run.solve(twice))
        .getMessage().contains("p1"));
  }

  /** What was done before is told as resumed, and not done again. */
  @Test
  void aRunGoesOn() throws InterruptedException {
    List<Problem> problems = IntStream.range(0, 4).mapToObj(i -> new Problem("p" + i, "q" + i, "7")).toList();
    HashPolicy policy = new HashPolicy(0.5);
    RunLog log = new MemoryLog();
    List<ProblemResult> some = alone(policy, 2, log, Progress.NONE).solve(problems.subList(0, 2));
    int generated = policy.generated();
    ToldProgress heard = new ToldProgress();
    List<ProblemResult> all = alone(policy, 2, log, heard).solve(problems);
    assertEquals(some, all.subList(0, 2));
    assertEquals(4, heard.done);
    assertEquals(2, heard.first);
    int half = policy.generated();
    assertTrue(half > generated);
    alone(policy, 2, log, heard).solve(problems);
    assertEquals(half, policy.generated());
    assertEquals(4, heard.first);
  }

  private static ProblemRecords records(RunLog log) {
    return new ProblemRecords(PROBLEM.id(), log, () -> {});
  }
}
