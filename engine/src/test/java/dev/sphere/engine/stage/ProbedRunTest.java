package dev.sphere.engine.stage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.OutcomeReward;
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
import dev.sphere.engine.search.SearchSettings;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A run with a probe: what is searched, in which order, and which pairs the probe makes. */
class ProbedRunTest {
  private static final OutcomeReward GRADER = new GradedAnswers();
  private static final SearchSettings SEARCH = SearchSettings.paper().withCandidates(2).withSeparator("\n");
  private static final StageSettings STAGES =
      StageSettings.defaults().withPrompts(new Prompts("", "{question}", "again", "")).withStages(false, false);
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

  /** A search that finds one wrong solution, and tells which problem it was. */
  private SearchRun run(ProbeSettings settings, StageSettings stages) {
    SearchRun.Models models = new SearchRun.Models(policy(), p -> (q, path, key, steps) -> new double[steps.size()], null, null);
    return new SearchRun(models, (policy, prm) -> (problem, name, prompt, log) -> {
      searched.add(problem.id());
      return List.of(new Attempt(name, 0, true, "", false, false, "The answer is 5", new int[0]));
    }, stages, 1, 0).probing(new SearchRun.Probe(settings, GRADER, SEARCH, SamplingSettings.temperature(0.8f, 100),
        stages.rules().guessed(), 1));
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
    SearchRun run = run(probe("0.05..0.8", Order.EASIEST, 0, true), STAGES);
    List<ProblemResult> results = run.run(PROBLEMS, new MemoryLog(), progress);
    assertEquals(List.of("often", "twice", "once"), searched);
    assertEquals(PROBLEMS.stream().map(Problem::id).toList(), results.stream().map(ProblemResult::problemId).toList(),
        "results come as the problems came");
    assertEquals(3, progress.total, "what is left out is not waited for");
    assertEquals(3, progress.done);
    for (int i : new int[] {0, 2}) {
      assertEquals(Reason.PASS_RATE, results.get(i).reason());
      assertEquals(Reason.PASS_RATE, results.get(i).stages().getFirst().reason());
    }
    ProbeReport report = run.probed();
    assertEquals(List.of(5, 4, 3, 1, 1, 0), List.of(report.problems(), report.draws(), report.taken(), report.below(),
        report.above(), report.surplus()));
    assertEquals(report, RunReport.of(results, report).probe());
    assertTrue(run.tokens() >= report.tokens() && run.probeTokensPerSecond() > 0);
  }

  @Test
  void itsOwnSolutionsMakePairsEachOfThemOnce() throws InterruptedException {
    List<ProblemResult> results = run(probe("0.05..0.8", Order.FILE, 0, true), STAGES).run(PROBLEMS, new MemoryLog(), Progress.NONE);
    assertEquals(List.of("x\nThe answer is 7 > y\nThe answer is 8"), pairs(results.get(1)), "one right solution, one pair");
    assertEquals(List.of("x\nThe answer is 7 > y\nThe answer is 8"), pairs(results.get(3)), "one wrong solution, one pair");
    assertEquals(List.of("x\nThe answer is 7 > y\nThe answer is 8"), pairs(results.get(4)), "a guess is no side of a pair");
    PreferencePair pair = results.get(1).stages().getFirst().pairs().getFirst();
    assertEquals("probe", pair.stage());
    assertEquals("u[once]a:", pair.prompt());
    assertEquals(0, pair.chosenTokens()[pair.chosenTokens().length - 1], "tokens as they were sampled, with the end token");
    assertEquals(3, RunReport.of(results).probePairs());

    List<ProblemResult> hard = run(probe("0.05..0.5", Order.FILE, 0, true), STAGES).run(PROBLEMS, new MemoryLog(), Progress.NONE);
    assertEquals(List.of(), pairs(hard.get(3)), "too easy, so not even of its draws");

    StageSettings guesses = STAGES.withRules(new PairRules(2, 9, 0, true));
    results = run(probe("0.05..0.8", Order.FILE, 0, true), guesses).run(PROBLEMS, new MemoryLog(), Progress.NONE);
    assertEquals(2, pairs(results.get(4)).size(), "but where guesses are allowed");
    StageSettings one = STAGES.withRules(new PairRules(2, 1, 0, true));
    results = run(probe("0.05..0.8", Order.FILE, 0, true), one).run(PROBLEMS, new MemoryLog(), Progress.NONE);
    assertEquals(1, pairs(results.get(4)).size(), "the rules bind them too");
  }

  @Test
  void withoutProbePairsTheyMakeNone() throws InterruptedException {
    List<ProblemResult> results = run(probe("0.05..0.8", Order.FILE, 0, false), STAGES).run(PROBLEMS, new MemoryLog(), Progress.NONE);
    results.forEach(r -> assertEquals(List.of(), pairs(r)));
    assertEquals(Reason.IDENTICAL, results.get(1).reason(), "what the search found alone");
  }

  @Test
  void thePairsOfTheSearchComeFirstAndNoneTwice() throws InterruptedException {
    SearchRun.Models models = new SearchRun.Models(policy(), p -> (q, path, key, steps) -> new double[steps.size()], null, null);
    SearchRun run = new SearchRun(models, (policy, prm) -> (problem, name, prompt, log) -> List.of(
        new Attempt(name, 0, true, "", true, false, "w\nThe answer is 7", new int[0]),
        new Attempt(name, 1, false, "", false, false, "y\n The answer is 8", new int[0])),
        STAGES, 1, 0).probing(new SearchRun.Probe(probe("0.05..0.8", Order.FILE, 0, true), GRADER, SEARCH,
            SamplingSettings.temperature(0.8f, 100), false, 1));
    List<ProblemResult> results = run.run(PROBLEMS, new MemoryLog(), Progress.NONE);
    assertEquals(List.of("generation", "probe"), results.get(1).stages().getFirst().pairs().stream().map(PreferencePair::stage).toList());
    assertEquals("w\nThe answer is 7 > y\n The answer is 8", pairs(results.get(4)).getFirst());
    assertEquals(2, pairs(results.get(4)).size(), "x > y is another pair");
  }

  @Test
  void noMoreAreTakenThanAreWantedAndTheRestHasAReason() throws InterruptedException {
    SearchRun run = run(probe("0.05..0.8", Order.EASIEST, 1, false), STAGES);
    List<ProblemResult> results = run.run(PROBLEMS, new MemoryLog(), Progress.NONE);
    assertEquals(List.of("often"), searched);
    assertEquals(List.of(Reason.PASS_RATE, Reason.NOT_TAKEN, Reason.PASS_RATE, Reason.IDENTICAL, Reason.NOT_TAKEN),
        results.stream().map(ProblemResult::reason).toList());
    assertEquals(2, run.probed().surplus());
    searched.clear();
    results = run(probe("0.05..0.8", Order.EASIEST, 1, true), STAGES).run(PROBLEMS, new MemoryLog(), Progress.NONE);
    assertEquals(List.of("often"), searched);
    assertNull(results.get(4).reason(), "its solutions within the pass rate make pairs all the same");
    assertEquals(Reason.PASS_RATE, results.get(0).reason());
  }

  @Test
  void whatItSeesItSays() throws InterruptedException {
    ToldProgress progress = new ToldProgress();
    ScriptedPolicy endless = new ScriptedPolicy().after("u[never]a:", "and so on and~");
    SearchRun.Models models = new SearchRun.Models(endless, p -> (q, path, key, steps) -> new double[steps.size()], null, null);
    List<ProblemResult> results = new SearchRun(models, (policy, prm) -> (problem, name, prompt, log) -> {
      throw new IllegalStateException("nothing is searched");
    }, STAGES, 1, 0).probing(new SearchRun.Probe(ProbeSettings.of(3), GRADER, SEARCH, SamplingSettings.temperature(0.8f, 13),
        false, 1)).run(List.of(problem("never")), new MemoryLog(), progress);
    assertEquals(Reason.PASS_RATE, results.getFirst().reason());
    assertTrue(progress.notes.stream().anyMatch(n -> n.contains("within 13 tokens: raise --max-tokens")), progress.notes.toString());
    assertTrue(progress.notes.stream().anyMatch(n -> n.contains("not one problem was solved")), progress.notes.toString());
  }

  /** What is on record is not drawn again. */
  @Test
  void aProbeGoesOnFromItsRecords() throws InterruptedException {
    MemoryLog log = new MemoryLog();
    run(probe("0.05..0.8", Order.FILE, 0, true), STAGES).run(PROBLEMS.subList(0, 2), log, Progress.NONE);
    ScriptedPolicy rest = policy();
    SearchRun.Models models = new SearchRun.Models(rest, p -> (q, path, key, steps) -> new double[steps.size()], null, null);
    SearchRun run = new SearchRun(models, (policy, prm) -> (problem, name, prompt, l) ->
        List.of(new Attempt(name, 0, true, "", false, false, "The answer is 5", new int[0])), STAGES, 1, 0)
        .probing(new SearchRun.Probe(probe("0.05..0.8", Order.FILE, 0, true), GRADER, SEARCH,
            SamplingSettings.temperature(0.8f, 100), false, 1));
    List<ProblemResult> results = run.run(PROBLEMS, log, Progress.NONE);
    assertEquals(3 * 4, rest.generated());
    assertEquals(run(probe("0.05..0.8", Order.FILE, 0, true), STAGES).run(PROBLEMS, new MemoryLog(), Progress.NONE).stream()
        .map(ProblemResult::reason).toList(), results.stream().map(ProblemResult::reason).toList());
  }

  @Test
  void withoutDrawsThereIsNoProbe() throws InterruptedException {
    SearchRun run = run(ProbeSettings.none(), STAGES);
    run.run(PROBLEMS, new MemoryLog(), Progress.NONE);
    assertEquals(PROBLEMS.stream().map(Problem::id).toList(), searched);
    assertNull(run.probed());
  }
}
