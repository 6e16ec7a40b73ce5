package dev.sphere.engine.stage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.OutcomeReward;
import dev.sphere.engine.Policy;
import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.Problem;
import dev.sphere.engine.Progress;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.ScriptedPolicy;
import dev.sphere.engine.ToldProgress;
import dev.sphere.engine.probe.ProbeReport;
import dev.sphere.engine.probe.ProbeSettings;
import dev.sphere.engine.probe.ProbeSettings.Order;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.reward.GradedAnswers;
import dev.sphere.engine.run.OpenedSearch;
import dev.sphere.engine.run.Search;
import dev.sphere.engine.search.SearchSettings;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** A run with a probe: what is searched, in which order, and which pairs the probe makes. */
class ProbedRunTest {
  private static final OutcomeReward GRADER = new GradedAnswers();
  private static final SearchSettings SEARCH = SearchSettings.paper().withCandidates(2).withSeparator("\n");
  private static final StageSettings STAGES =
      StageSettings.defaults().withPrompts(new Prompts("", "{question}", "again", "")).withCorrection(false).withDiversity(false);
  private static final String RIGHT = "x\nThe answer is 7$";
  private static final String WRONG = "y\nThe answer is 8$";

  private final List<String> searched = Collections.synchronizedList(new ArrayList<>());

  private static Problem problem(String id) {
    return new Problem(id, id, "7");
  }

  /** Problems by what the probe's draws say of each. */
  private static ScriptedPolicy policy() {
    return new ScriptedPolicy()
        .after("u[never]a:", WRONG)
        .after("u[once]a:", RIGHT, WRONG, "z\nThe answer is 9$", "z\n The answer is  9$")
        .after("u[twice]a:", RIGHT, "w\nThe answer is 7$", WRONG, "it was 8 in the end I think so, and nice$")
        .after("u[often]a:", RIGHT, RIGHT, RIGHT, WRONG)
        .after("u[always]a:", RIGHT);
  }

  private static final List<Problem> PROBLEMS =
      List.of(problem("always"), problem("once"), problem("never"), problem("often"), problem("twice"));

  private static final Explorer ONE_WRONG = (problem, name, prompt, log) ->
      List.of(new Attempt(name, 0, true, "", false, false, "The answer is 5", new int[0]));

  /** A search that finds one wrong solution, and tells which problem it was. */
  private Search run(ProbeSettings settings, StageSettings stages, RunLog log, Progress progress) {
    return over(policy(), settings, stages, (problem, name, prompt, tree) -> {
      searched.add(problem.id());
      return ONE_WRONG.explore(problem, name, prompt, tree);
    }, 100, log, progress);
  }

  private List<ProblemResult> solve(ProbeSettings settings, StageSettings stages) throws InterruptedException {
    return run(settings, stages, new MemoryLog(), Progress.NONE).solve(PROBLEMS);
  }

  private static Search over(Policy policy, ProbeSettings settings, StageSettings stages, Explorer explorer, int tokens,
      RunLog log, Progress progress) {
    Actor actor = new Actor(policy, p -> (q, path, key, steps) -> new double[steps.size()]);
    SolverOptions options = SolverOptions.of(GRADER, SEARCH, stages, 1).withProbe(settings)
        .withWhole(SamplingSettings.temperature(0.8f, tokens)).withStrategy(Optional.of((p, prm) -> explorer));
    return OpenedSearch.of(new ProblemSolver.Models(actor, Optional.empty()), options, 1, log, progress);
  }

  private static ProbeSettings probe(String range, Order order, int take, boolean pairs) {
    return new ProbeSettings(4, range, order, take, pairs);
  }

  private static List<String> pairs(ProblemResult result) {
    return result.stages().getFirst().pairs().stream().map(p -> p.chosen() + " > " + p.rejected()).toList();
  }

  @Test
  void theSearchTakesWhatLiesInThePassRateEasiestFirst() throws InterruptedException {
    ToldProgress progress = new ToldProgress();
    Search run = run(probe("0.05..0.8", Order.EASIEST, 0, true), STAGES, new MemoryLog(), progress);
    List<ProblemResult> results = run.solve(PROBLEMS);
    assertEquals(List.of("often", "twice", "once"), searched);
    assertEquals(PROBLEMS.stream().map(Problem::id).toList(), results.stream().map(ProblemResult::problemId).toList(),
        "results come as the problems came");
    assertEquals(3, progress.total, "what is left out is not waited for");
    assertEquals(3, progress.done);
    for (int i : new int[] {0, 2}) {
      assertEquals(Reason.PASS_RATE, results.get(i).reason());
      assertEquals(Reason.PASS_RATE, results.get(i).stages().getFirst().reason());
    }
    ProbeReport report = run.probed().orElseThrow();
    assertEquals(List.of(5, 4, 3, 1, 1, 0), List.of(report.problems(), report.draws(), report.taken(), report.below(),
        report.above(), report.surplus()));
    assertEquals(report, RunReport.of(results, report).probe());
    assertEquals(report.tokens(), run.drawn().probe());
    assertTrue(run.drawn().all() >= report.tokens() && run.drawn().kept() == 0);
  }

  @Test
  void itsOwnSolutionsMakePairsEachOfThemOnce() throws InterruptedException {
    List<ProblemResult> results = solve(probe("0.05..0.8", Order.FILE, 0, true), STAGES);
    assertEquals(List.of("x\nThe answer is 7 > y\nThe answer is 8"), pairs(results.get(1)), "one right solution, one pair");
    assertEquals(List.of("x\nThe answer is 7 > y\nThe answer is 8"), pairs(results.get(3)), "one wrong solution, one pair");
    assertEquals(List.of("x\nThe answer is 7 > y\nThe answer is 8"), pairs(results.get(4)), "a guess is no side of a pair");
    PreferencePair pair = results.get(1).stages().getFirst().pairs().getFirst();
    assertEquals("probe", pair.stage());
    assertEquals("u[once]a:", pair.prompt());
    assertEquals(0, pair.chosenTokens()[pair.chosenTokens().length - 1], "tokens as they were sampled, with the end token");
    assertEquals(3, RunReport.of(results, null).probePairs());

    List<ProblemResult> hard = solve(probe("0.05..0.5", Order.FILE, 0, true), STAGES);
    assertEquals(List.of(), pairs(hard.get(3)), "too easy, so not even of its draws");

    StageSettings guesses = STAGES.withRules(new PairRules(2, 9, 0, true));
    results = solve(probe("0.05..0.8", Order.FILE, 0, true), guesses);
    assertEquals(2, pairs(results.get(4)).size(), "but where guesses are allowed");
    StageSettings one = STAGES.withRules(new PairRules(2, 1, 0, true));
    results = solve(probe("0.05..0.8", Order.FILE, 0, true), one);
    assertEquals(1, pairs(results.get(4)).size(), "the rules bind them too");
  }

  @Test
  void withoutProbePairsTheyMakeNone() throws InterruptedException {
    List<ProblemResult> results = solve(probe("0.05..0.8", Order.FILE, 0, false), STAGES);
    results.forEach(r -> assertEquals(List.of(), pairs(r)));
    assertEquals(Reason.IDENTICAL, results.get(1).reason(), "what the search found alone");
  }

  @Test
  void thePairsOfTheSearchComeFirstAndNoneTwice() throws InterruptedException {
    Search run = over(policy(), probe("0.05..0.8", Order.FILE, 0, true), STAGES, (problem, name, prompt, log) -> List.of(
        new Attempt(name, 0, true, "", true, false, "w\nThe answer is 7", new int[0]),
        new Attempt(name, 1, false, "", false, false, "y\n The answer is 8", new int[0])), 100, new MemoryLog(), Progress.NONE);
    List<ProblemResult> results = run.solve(PROBLEMS);
    assertEquals(List.of("generation", "probe"), results.get(1).stages().getFirst().pairs().stream().map(PreferencePair::stage).toList());
    assertEquals("w\nThe answer is 7 > y\n The answer is 8", pairs(results.get(4)).getFirst());
    assertEquals(2, pairs(results.get(4)).size(), "x > y is another pair");
  }

  @Test
  void noMoreAreTakenThanAreWantedAndTheRestHasAReason() throws InterruptedException {
    Search run = run(probe("0.05..0.8", Order.EASIEST, 1, false), STAGES, new MemoryLog(), Progress.NONE);
    List<ProblemResult> results = run.solve(PROBLEMS);
    assertEquals(List.of("often"), searched);
    assertEquals(List.of(Reason.PASS_RATE, Reason.NOT_TAKEN, Reason.PASS_RATE, Reason.IDENTICAL, Reason.NOT_TAKEN),
        results.stream().map(ProblemResult::reason).toList());
    assertEquals(2, run.probed().orElseThrow().surplus());
    searched.clear();
    results = solve(probe("0.05..0.8", Order.EASIEST, 1, true), STAGES);
    assertEquals(List.of("often"), searched);
    assertNull(results.get(4).reason(), "its solutions within the pass rate make pairs all the same");
    assertEquals(Reason.PASS_RATE, results.get(0).reason());
  }

  @Test
  void whatItSeesItSays() throws InterruptedException {
    ToldProgress progress = new ToldProgress();
    ScriptedPolicy endless = new ScriptedPolicy().after("u[never]a:", "and so on and~");
    List<ProblemResult> results = over(endless, ProbeSettings.of(3), STAGES, (problem, name, prompt, log) -> {
      throw new IllegalStateException("nothing is searched");
    }, 13, new MemoryLog(), progress).solve(List.of(problem("never")));
    assertEquals(Reason.PASS_RATE, results.getFirst().reason());
    assertTrue(progress.notes.stream().anyMatch(n -> n.contains("within 13 tokens: raise --max-tokens")), progress.notes.toString());
    assertTrue(progress.notes.stream().anyMatch(n -> n.contains("not one problem was solved")), progress.notes.toString());
  }

  /** What is on record is not drawn again. */
  @Test
  void aProbeGoesOnFromItsRecords() throws InterruptedException {
    MemoryLog log = new MemoryLog();
    run(probe("0.05..0.8", Order.FILE, 0, true), STAGES, log, Progress.NONE).solve(PROBLEMS.subList(0, 2));
    ScriptedPolicy rest = policy();
    List<ProblemResult> results =
        over(rest, probe("0.05..0.8", Order.FILE, 0, true), STAGES, ONE_WRONG, 100, log, Progress.NONE).solve(PROBLEMS);
    assertEquals(3 * 4, rest.generated());
    assertEquals(solve(probe("0.05..0.8", Order.FILE, 0, true), STAGES).stream()
        .map(ProblemResult::reason).toList(), results.stream().map(ProblemResult::reason).toList());
  }

  @Test
  void withoutDrawsThereIsNoProbe() throws InterruptedException {
    Search run = run(ProbeSettings.none(), STAGES, new MemoryLog(), Progress.NONE);
    run.solve(PROBLEMS);
    assertEquals(PROBLEMS.stream().map(Problem::id).toList(), searched);
    assertEquals(Optional.empty(), run.probed());
  }
}
