package dev.sphere.engine.stage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.HashPolicy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.Progress;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.ToldProgress;
import dev.sphere.engine.cost.Range;
import dev.sphere.engine.probe.ProbeSettings;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.reward.MonteCarloPrm;
import dev.sphere.engine.search.SearchSettings;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** What is said of a whole search after some of its problems, against what the whole comes to. */
class TrialTest {
  private static final SearchSettings SEARCH = SearchSettings.paper().withCandidates(3).withSeparator("\n")
      .withSampling(SamplingSettings.temperature(1, 200)).withMaxDepth(9);
  private static final StageSettings STAGES = StageSettings.defaults().withPrompts(new Prompts("", "{question}", "again", ""))
      .withPairing(StageSettings.Pairing.ANY);

  private static List<Problem> problems(int n) {
    List<Problem> problems = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      problems.add(new Problem("p" + i, "Is " + i + " enough?", "7"));
    }
    return problems;
  }

  /** Each look at the clock takes so many milliseconds. */
  private static SearchRun run(int milliseconds) {
    AtomicLong now = new AtomicLong();
    var mc = new MonteCarloPrm.Settings(2, SamplingSettings.temperature(1, 400), false);
    PrmFactory prm = policy -> new MonteCarloPrm(policy, HashPolicy.outcome(), mc);
    return new SearchRun(new SearchRun.Models(new HashPolicy(0.5), prm, null, null), HashPolicy.outcome(), SEARCH, STAGES, 1, 4,
        () -> now.addAndGet(milliseconds * 1_000_000L));
  }

  @Test
  void aTrialEndsSoonAndTellsOfTheWhole() throws InterruptedException {
    List<Problem> problems = problems(400);
    SearchRun all = run(0);
    int pairs = all.run(problems, new MemoryLog(), Progress.NONE).stream().mapToInt(ProblemResult::pairs).sum();

    ToldProgress progress = new ToldProgress();
    SearchRun.Trial trial = run(20).tried(problems, 1, new MemoryLog(), progress);
    assertTrue(trial.tried() >= 3 && trial.tried() < 200, trial.toString());
    assertTrue(trial.drawn() < all.tokens() / 2, trial.toString());
    assertEquals(400, trial.searched());
    near(all.tokens(), trial.tokens());
    near(pairs, trial.pairs());
    assertTrue(trial.seconds().middle() > trial.after(), "the rest takes longer than the trial: " + trial);
  }

  /**
   * The range holds the truth nine times in ten, and threads decide which problems the trial sees: a third beyond it is let through.
   * A factor that is forgotten or counted twice is far beyond.
   */
  private static void near(double truth, Range said) {
    assertTrue(said.low() / 1.33 < truth && truth < said.high() * 1.33 && said.high() < 4 * truth, truth + " is not near " + said);
  }

  @Test
  void aShortSearchIsKnownExactly() throws InterruptedException {
    List<Problem> problems = problems(5);
    SearchRun all = run(0);
    int pairs = all.run(problems, new MemoryLog(), Progress.NONE).stream().mapToInt(ProblemResult::pairs).sum();
    SearchRun.Trial trial = run(0).tried(problems, 1, new MemoryLog(), Progress.NONE);
    assertEquals(5, trial.tried());
    assertEquals(Range.exactly(all.tokens()), trial.tokens());
    assertEquals(Range.exactly(pairs), trial.pairs());
  }

  @Test
  void aProbeIsTriedOnSomeAndItsShareHoldsForAll() throws InterruptedException {
    List<Problem> problems = problems(200);
    ProbeSettings settings = new ProbeSettings(4, "0.2..0.8", ProbeSettings.Order.FILE, 0, false);
    SearchRun.Probe probe = new SearchRun.Probe(settings, HashPolicy.outcome(), SEARCH, SamplingSettings.temperature(1, 400), true, 1);
    SearchRun all = run(0).probing(probe);
    all.run(problems, new MemoryLog(), Progress.NONE);

    MemoryLog log = new MemoryLog();
    SearchRun.Trial trial = run(20).probing(probe).tried(problems, 1, log, Progress.NONE);
    assertEquals(64, problems.stream().filter(p -> log.findProbe(p.id()) != null).count(), "so many are probed");
    int taken = all.probed().taken();
    assertTrue(Math.abs(trial.searched() - taken) < 0.35 * taken, trial.searched() + " of " + taken);
    near(all.tokens(), trial.tokens());
  }
}
