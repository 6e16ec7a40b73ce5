package dev.sphere.engine.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.Problem;
import dev.sphere.engine.Progress;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.ToldProgress;
import dev.sphere.engine.data.Shard;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.embedded.ProblemSource;
import dev.sphere.engine.probe.ProbeSettings;
import dev.sphere.engine.reward.MonteCarloPrm;
import dev.sphere.engine.search.Backup;
import dev.sphere.engine.search.Expansion;
import dev.sphere.engine.search.SearchSettings;
import dev.sphere.engine.settings.GivenSettings;
import dev.sphere.engine.stage.StageSettings;
import dev.sphere.engine.store.RunMerge;
import dev.sphere.engine.store.RunReader;
import dev.sphere.engine.store.StoreException;
import dev.sphere.engine.strategy.Strategy;
import dev.sphere.engine.strategy.StrategySettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The embedded models under the search: what is stored depends on the plan alone. */
class SearchTest {
  @TempDir static Path temporary;
  private static Path model;
  private static Path small;
  private static List<Problem> problems;

  @BeforeAll
  static void models() {
    model = ModelSource.resolve("embedded");
    small = ModelSource.resolve("embedded-small");
    problems = ProblemSource.embedded("embedded:train").orElseThrow().subList(0, 3);
  }

  private static SearchPlan plan(long seed, int parallel) {
    ModelDefaults manner = ModelDefaults.of(model);
    SearchSettings search = SearchSettings.paper()
        .withCandidates(3)
        .withSimulations(2)
        .withSeparator(manner.separator())
        .withSampling(SamplingSettings.temperature(0.8f, manner.stepTokens()));
    var mc = new MonteCarloPrm.Settings(2, SamplingSettings.temperature(0.8f, manner.solutionTokens()), false);
    return new SearchPlan(model, null, small, new RewardSettings("mc", mc), search,
        StageSettings.defaults().withPrompts(manner.prompts()), seed, parallel);
  }

  private static Search.Outcome search(SearchPlan plan, List<Problem> list, Path run, boolean resume, Progress progress)
      throws InterruptedException {
    return Search.run(plan, list, Search.Place.of(run, resume), progress);
  }

  private static Search.Outcome search(SearchPlan plan, List<Problem> list, Shard shard, Path run) throws InterruptedException {
    return Search.run(
        plan, list, new Search.Place(run, false, Optional.of(shard), Optional.empty()), Progress.NONE);
  }

  private static List<String> tree(Path run) throws IOException {
    return Files.readAllLines(run.resolve("tree.jsonl")).stream().sorted().toList();
  }

  @Test
  void theTreeDependsOnThePlanAlone() throws Exception {
    assertEquals("\n", ModelDefaults.of(model).separator(), "the embedded family is known by its template");
    Path one = temporary.resolve("one");
    Path many = temporary.resolve("many");
    Path broken = temporary.resolve("broken");
    Search.Outcome outcome = search(plan(1, 1), problems, one, false, Progress.NONE);
    search(plan(1, 4), problems, many, false, Progress.NONE);
    assertEquals(3, outcome.report().problems());
    assertTrue(outcome.tokens() > 100);
    assertEquals(tree(one), tree(many));
    assertFalse(outcome.pairs().isEmpty());
    assertEquals(-1, Files.mismatch(one.resolve("pairs.jsonl"), many.resolve("pairs.jsonl")));

    // Stopped in the middle of its trees by a failure, and resumed.
    assertThrows(IllegalStateException.class, () -> search(plan(1, 2), problems, broken, false,
        ToldProgress.stopAfter(40, 0)));
    int half = tree(broken).size();
    assertTrue(half >= 5 && half < tree(one).size(), half + " expansions of " + tree(one).size());
    search(plan(1, 3), problems, broken, true, Progress.NONE);
    assertEquals(tree(one), tree(broken));
    assertEquals(-1, Files.mismatch(one.resolve("pairs.jsonl"), broken.resolve("pairs.jsonl")));

    // Another model is another run.
    SearchPlan other = plan(1, 1);
    SearchPlan swapped = new SearchPlan(
        small, null, null, other.prm(), other.search(), other.stages(), other.seed(), other.parallel());
    String message = assertThrows(
        StoreException.Refused.class, () -> search(swapped, problems, one, true, Progress.NONE)).getMessage();
    assertTrue(message.contains("model.sha256") && message.contains("small_model.sha256"), message);
  }

  @Test
  void theTasksOfASchedulerMakeTheRunOfOneProcess() throws Exception {
    Path one = temporary.resolve("one-process");
    search(plan(1, 4), problems, one, false, Progress.NONE);
    Path run = temporary.resolve("tasks");
    for (int number : new int[] {2, 1, 2}) {
      Shard shard = new Shard(number, 2, true);
      Search.Outcome outcome = search(plan(1, 2), shard.part(problems), shard, run);
      assertEquals(number == 1 ? 2 : 1, outcome.report().problems());
    }
    Shard other = new Shard(1, 2, true);
    assertThrows(StoreException.Refused.class,
        () -> search(plan(3, 2), other.part(problems), other, run));
    RunMerge.mergeShards(run, run);
    assertEquals(-1, Files.mismatch(one.resolve("pairs.jsonl"), run.resolve("pairs.jsonl")));
    assertEquals(tree(one), tree(run));
  }

  private static SearchPlan probing(int parallel, ProbeSettings probe) {
    SearchPlan p = plan(1, parallel);
    return new SearchPlan(p.model(), null, null, new RewardSettings("random", p.prm().monteCarlo()), p.search(), probe,
        p.stages().withCorrection(false).withDiversity(false), p.seed(), null, parallel, p.precision(), p.examples());
  }

  /** What is drawn of a problem depends neither on what is in flight beside it nor on which others there are. */
  @Test
  void whatAProbeDrawsDependsOnThePlanAlone() throws Exception {
    ProbeSettings four = ProbeSettings.of(4);
    Path one = temporary.resolve("probe-one");
    Path many = temporary.resolve("probe-many");
    Path alone = temporary.resolve("probe-alone");
    List<Problem> eight = ProblemSource.embedded("embedded:train").orElseThrow().subList(0, 8);
    Search.Outcome outcome = search(probing(1, four), eight, one, false, Progress.NONE);
    search(probing(600, four), eight, many, false, Progress.NONE);
    search(probing(3, four), eight.subList(3, 4), alone, false, Progress.NONE);
    List<String> drawn = Files.readAllLines(one.resolve("probe.jsonl")).stream().sorted().toList();
    assertEquals(drawn, Files.readAllLines(many.resolve("probe.jsonl")).stream().sorted().toList());
    assertEquals(-1, Files.mismatch(one.resolve("pairs.jsonl"), many.resolve("pairs.jsonl")));
    assertTrue(drawn.containsAll(Files.readAllLines(alone.resolve("probe.jsonl"))), "the same without company");
    assertEquals(8, drawn.size());
    assertEquals(8, outcome.report().probe().problems());
    assertTrue(outcome.report().probe().passRate() > 0.1, outcome.report().probe().toString());
    // A run that has ended tells the same without its models.
    assertEquals(outcome.report(), search(probing(1, four), eight, one, true, Progress.NONE).report());
    assertTrue(Files.readString(one.resolve("run.json")).contains("probe.draws"));

    ProbeSettings two = new ProbeSettings(4, "0..1", ProbeSettings.Order.FILE, 2, true);
    String message = assertThrows(IllegalArgumentException.class, () ->
        search(probing(1, two), eight, new Shard(1, 2, false), temporary.resolve("shard"))).getMessage();
    assertTrue(message.contains("--take") && message.contains("--shard"), message);
    assertFalse(Files.exists(temporary.resolve("shard")));
  }

  /** What tokens are drawn for is counted by the search, and what is computed by the lanes: both come to the same. */
  @Test
  void everyComputedTokenIsAccountedFor() throws Exception {
    Search.Outcome paper = search(plan(1, 2), problems, temporary.resolve("paper"), false, Progress.NONE);
    TokenUse use = paper.use().orElseThrow();
    assertEquals(0, use.lost(), use::toString);
    assertEquals(paper.tokens(), use.kept() + use.thrown() + use.rewards());
    RunReader recorded = RunReader.read(temporary.resolve("paper"));
    long rolled = recorded.expansions(recorded.problems().stream().map(Problem::id).collect(Collectors.toSet())).values().stream()
        .flatMap(List::stream).mapToLong(Expansion::rolled).sum();
    assertEquals(use.rewards(), rolled, "the record has what the reward's rollouts drew");
    assertTrue(use.kept() > 0 && use.rewards() > use.kept() && use.thrown() >= 0 && use.paths() > 0, use::toString);
    assertEquals(use.all(), use.kept() + use.thrown() + use.rewards() + use.paths() + use.again() + use.padding());
    assertEquals((double) use.kept() / use.all(), (double) use.toMap().get("useful"));
    assertEquals(use.all(), use.toMap().get("computed"));
    assertEquals(9, use.lines().size());
    assertEquals((double) paper.tokens() / use.rows(), use.toMap().get("draws_per_row"));
    assertTrue(use.line().startsWith("useful: "), use.line());

    for (Strategy kind : List.of(Strategy.BEST_OF_N, Strategy.SPHERE)) {
      SearchPlan p = plan(1, 2);
      SearchPlan strategy = new SearchPlan(p.model(), null, null, p.prm(), p.search(), p.probe(), p.stages(), 1,
          StrategySettings.of(kind, 300), 2, p.precision(), p.examples());
      Search.Outcome found =
          search(strategy, problems, temporary.resolve(kind.label()), false, Progress.NONE);
      TokenUse u = found.use().orElseThrow();
      assertEquals(found.tokens(), u.kept() + u.thrown() + u.rewards());
      assertTrue(u.kept() > 0 && u.thrown() >= 0, u::toString);
      assertEquals(kind == Strategy.BEST_OF_N, u.thrown() == 0, "each solution of best-of-n is kept: " + u);
      assertEquals(kind == Strategy.SPHERE, u.rewards() > 0, "whole solutions are worth their outcome: " + u);
    }
    TokenUse probed =
        search(probing(2, ProbeSettings.of(2)), problems, temporary.resolve("use"), false, Progress.NONE).use().orElseThrow();
    assertTrue(probed.probe() > 0 && probed.lost() == 0 && probed.thrown() >= 0, probed::toString);
    Search.Outcome again = search(plan(1, 2), problems, temporary.resolve("paper"), true, Progress.NONE);
    assertEquals(Optional.empty(), again.use(), "nothing was left to compute");
  }

  @Test
  void strategiesThatDrawFewRowsGetMoreProblemsInFlight() {
    GivenSettings bestOfN = GivenSettings.nothing().with("strategy", List.of("best-of-n"), "--strategy");
    assertEquals(16, SearchPlan.of(GivenSettings.nothing(), model, null, null).parallel());
    assertEquals(32, SearchPlan.of(bestOfN, model, null, null).parallel());
    assertEquals(16, SearchPlan.of(bestOfN.with("width", List.of("8"), "--width"), model, null, null).parallel());
    assertEquals(64, SearchPlan.of(bestOfN.with("width", List.of("2"), "--width"), model, null, null).parallel());
    assertEquals(5, SearchPlan.of(bestOfN.with("parallel", List.of("5"), "--parallel"), model, null, null).parallel());
    assertEquals(16, SearchPlan.of(GivenSettings.nothing().with("strategy", List.of("sphere"), "--strategy"), model, null, null).parallel());
  }

  private static String identity(Path run) throws IOException {
    String all = Files.readString(run.resolve("run.json"));
    return all.substring(0, all.indexOf("\"information\""));
  }

  @Test
  void aSettingThatChangesResultsIsPartOfTheIdentity() throws Exception {
    Path one = temporary.resolve("identity");
    SearchPlan two = plan(1, 1);
    search(two, problems.subList(0, 1), one, false, Progress.NONE);
    assertTrue(identity(one).contains("search.backup"));
    for (String absent : List.of("search.truncatedRejected", "few_shot", "parallel")) {
      assertFalse(identity(one).contains(absent), absent);
    }
    SearchPlan advantage = new SearchPlan(two.model(), null, null, two.prm(), two.search().withBackup(Backup.ADVANTAGE),
        two.stages(), 1, 1);
    String message = assertThrows(StoreException.Refused.class,
        () -> search(advantage, problems.subList(0, 1), one, true, Progress.NONE)).getMessage();
    assertTrue(message.contains("search.backup"), message);
  }

  @Test
  void workedExamplesAreShownAndNotWritten() throws Exception {
    Path file = Files.writeString(temporary.resolve("shots.jsonl"), """
        {"question": "Ann has 2 pens and buys 3. How many pens does Ann have?", "answer": "Ann has 2+3=5 pens. \\\\boxed{5}"}
        """);
    GivenSettings told = GivenSettings.nothing().with("simulations", List.of("1"), "").with("rollouts", List.of("2"), "")
        .with("pairing", List.of("any"), "").with("stages", List.of("generation"), "");
    List<Problem> searched = ProblemSource.embedded("embedded:train").orElseThrow().subList(0, 8);
    Path without = temporary.resolve("no shots");
    Path with = temporary.resolve("shots");
    search(SearchPlan.of(told, model, null, null), searched, without, false, Progress.NONE);
    SearchPlan shown = SearchPlan.of(told.with("few_shot", List.of(file.toString()), "").with("shots", List.of("1"), ""),
        model, null, null);
    Search.Outcome outcome = search(shown, searched, with, false, Progress.NONE);
    assertTrue(identity(with).contains("\"few_shot.sha256\" : \"" + shown.examples().read().sha256()), identity(with));
    assertNotEquals(tree(without), tree(with));
    assertFalse(outcome.pairs().isEmpty());
    outcome.pairs().forEach(p -> assertFalse(p.prompt().contains("Ann has 2 pens"), p.prompt()));
    String message = assertThrows(StoreException.Refused.class, () -> search(
        SearchPlan.of(told, model, null, null), searched, with, true, Progress.NONE)).getMessage();
    assertTrue(message.contains("few_shot.sha256"), message);
  }

  @Test
  void unknownRewardsAreNamed() {
    var mc = MonteCarloPrm.Settings.defaults();
    String message =
        assertThrows(IllegalArgumentException.class, () -> new RewardSettings("magic", mc)).getMessage();
    assertTrue(message.contains("magic") && message.contains("mc"), message);
  }

  /** All of a small set is worked on, so that its figures are the run's. */
  @Test
  void aDryRunOfAllProblemsSaysWhatTheyTake() throws Exception {
    Search.Outcome run = search(plan(1, 2), problems, temporary.resolve("to compare"), false, Progress.NONE);
    DryRun dry = DryRun.of(plan(1, 2), problems, temporary.resolve("dry"), Progress.NONE);
    assertEquals(List.of(3, 3, 3), List.of(dry.problems(), dry.searched(), dry.tried()));
    assertEquals(run.tokens(), dry.tokens());
    assertEquals(run.pairs().size(), dry.pairs());
    assertEquals(run.pairs().size(), dry.found().size());
    assertEquals(dry.after(), dry.seconds(), 1e-9);
    assertTrue(dry.disk() > 1000 && dry.memory() != 0, dry.toString());
  }
}
