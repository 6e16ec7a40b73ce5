package dev.sphere.engine.stage;

import dev.sphere.base.InFlight;
import dev.sphere.engine.OutcomeReward;
import dev.sphere.engine.Policy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.Progress;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.probe.ProbeReport;
import dev.sphere.engine.probe.ProbeSettings;
import dev.sphere.engine.probe.Probed;
import dev.sphere.engine.probe.Prober;
import dev.sphere.engine.search.SearchSettings;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.atomic.LongAdder;

/**
 * Takes a set of problems through the three stages, many at a time: one virtual thread a problem, so that the policy's
 * batch stays full. The results come in the problems' order and do not depend on how many are in flight.
 */
public final class SearchRun {
  /** Draws of a probe, or problems that only have to be recorded, in flight: enough for the largest batch. */
  private static final int AT_ONCE = 512;

  private final Models models;
  private final Stages stages;
  private final int parallel;
  private final LongAdder tokens = new LongAdder();
  private Probe probe; // null for none
  private ProbeReport probeReport;
  private double probeRate = Double.NaN;

  /**
   * The models of a run.
   *
   * @param policy π
   * @param prm makes the process reward over π
   * @param small π_small of stage 3; null for none
   * @param smallPrm makes the process reward over π_small; null when there is none
   */
  public record Models(Policy policy, PrmFactory prm, Policy small, PrmFactory smallPrm) {
    public Models {
      Objects.requireNonNull(policy, "policy");
      Objects.requireNonNull(prm, "prm");
      if (small != null) {
        Objects.requireNonNull(smallPrm, "smallPrm");
      }
    }
  }

  /**
   * The probe of a run.
   *
   * @param settings what is drawn and which problems are taken
   * @param search what a step is, and whether an answer ends a solution
   * @param whole how the tokens of a solution are drawn
   * @param guesses right answers count although they are not stated
   * @param seed the run's
   */
  public record Probe(ProbeSettings settings, OutcomeReward outcome, SearchSettings search, SamplingSettings whole,
      boolean guesses, long seed) {}

  /** Makes the three stages of the two models; the small one is null where there is none. */
  private interface Stages {
    ThreeStages of(Actor actor, Actor small);
  }

  /** Makes the way in which a model explores problems: over its metered policy, with its process reward. */
  @FunctionalInterface
  public interface Exploration {
    Explorer over(Policy policy, PrmFactory prm);
  }

  /** @param parallel most problems in flight */
  public SearchRun(
      Models models, OutcomeReward outcome, SearchSettings search, StageSettings stages, long seed, int parallel) {
    this(models, (actor, small) -> new ThreeStages(actor, small, outcome, search, stages, seed), parallel);
  }

  /** A run in which both models explore problems in another way than by the paper's search. */
  public SearchRun(Models models, Exploration way, StageSettings stages, int parallel) {
    this(models, (actor, small) -> new ThreeStages(actor, small, way.over(actor.policy(), models.prm()),
        small == null ? null : way.over(small.policy(), models.smallPrm()), stages), parallel);
  }

  private SearchRun(Models models, Stages stages, int parallel) {
    if (parallel < 1) {
      throw new IllegalArgumentException("at least 1 problem must be in flight, not " + parallel);
    }
    this.models = models;
    this.stages = stages;
    this.parallel = parallel;
  }

  /** The same run with a probe before its search. */
  public SearchRun probing(Probe before) {
    probe = before.settings().on() ? before : null;
    return this;
  }

  /** What the probe came to, when it has ended; null without one. */
  public ProbeReport probed() {
    return probeReport;
  }

  /** Tokens a second that the probe generated in this process; NaN where it drew nothing. */
  public double probeTokensPerSecond() {
    return probeRate;
  }

  private static Actor actor(Policy policy, PrmFactory prm, SearchTally tally) {
    Policy metered = new MeteredPolicy(policy, tally::generated);
    return new Actor(metered, prm.over(metered));
  }

  /** Tokens generated so far, rollouts of the process reward included. */
  public long tokens() {
    return tokens.sum();
  }

  /**
   * Runs to the end, or on to the end from where {@code log} was left.
   *
   * @param progress told of problems, and of pairs and tokens while they come, from the working threads
   * @return the results in the problems' order
   * @throws RuntimeException the first failure; the other problems are interrupted, and what was logged stays
   */
  public List<ProblemResult> run(List<Problem> problems, RunLog log, Progress progress) throws InterruptedException {
    refuseRepeatedIds(problems);
    if (probe != null) {
      return probedRun(problems, log, progress);
    }
    begin(problems, log, progress);
    SearchTally tally = new SearchTally(tokens, progress);
    ThreeStages three = stages(tally);
    return InFlight.run(problems, parallel, p -> three.solve(p, log), (index, result) -> tally.ended(result));
  }

  private static void begin(List<Problem> problems, RunLog log, Progress progress) {
    long before = problems.stream().filter(p -> log.findProblem(p.id()) != null).count();
    progress.begin("search", "problems", (int) before, problems.size());
  }

  private ThreeStages stages(SearchTally tally) {
    Actor actor = actor(models.policy(), models.prm(), tally);
    Actor small = models.small() == null ? null : actor(models.small(), models.smallPrm(), tally);
    return stages.of(actor, small);
  }

  /** Probes all problems, ends those that are left out, and searches the rest in the order that the probe gives. */
  private List<ProblemResult> probedRun(List<Problem> problems, RunLog log, Progress progress)
      throws InterruptedException {
    Map<String, Probed> probes = new HashMap<>();
    List<Probed> probed = probe(problems, log, progress);
    probed.forEach(p -> probes.put(p.problemId(), p));
    ProbeSettings.Selection selection = probe.settings().select(probed, probe.seed());
    probeReport = ProbeReport.of(probe.settings(), probed, probe.seed());
    probeReport.notes().forEach(progress::note);

    Map<String, Problem> byId = new HashMap<>();
    problems.forEach(p -> byId.put(p.id(), p));
    Set<String> taken = new HashSet<>(selection.taken());
    List<Problem> leftOut = problems.stream().filter(p -> !taken.contains(p.id())).toList();
    List<Problem> searched = selection.taken().stream().map(byId::get).toList();
    Map<String, ProblemResult> results = new HashMap<>();
    ThreeStages silent = stages(new SearchTally(tokens, Progress.NONE));
    InFlight.run(leftOut, AT_ONCE, p -> {
      boolean within = selection.surplus().contains(p.id());
      return silent.solve(p, probe.settings().pairs() && within ? probes.get(p.id()) : null,
          within ? Reason.NOT_TAKEN : Reason.PASS_RATE, log);
    }, (index, result) -> results.put(result.problemId(), result));

    begin(searched, log, progress);
    SearchTally tally = new SearchTally(tokens, progress);
    ThreeStages three = stages(tally);
    InFlight.run(searched, parallel, p -> three.solve(p, probe.settings().pairs() ? probes.get(p.id()) : null, null, log),
        (index, result) -> {
          results.put(result.problemId(), result);
          tally.ended(result);
        });
    return problems.stream().map(p -> results.get(p.id())).toList();
  }

  /** What the probe draws of each problem, in their order; what is on record is not drawn again. */
  private List<Probed> probe(List<Problem> problems, RunLog log, Progress progress) throws InterruptedException {
    List<Problem> open = problems.stream().filter(p -> log.findProbe(p.id()) == null).toList();
    int before = problems.size() - open.size();
    progress.begin("probe", "problems", before, problems.size());
    Policy policy = new MeteredPolicy(models.policy(), tokens::add);
    Prober prober = new Prober(policy, probe.outcome(), probe.search(), probe.whole(), probe.guesses(),
        probe.settings().draws(), probe.seed());
    ThreeStages three = stages(new SearchTally(new LongAdder(), Progress.NONE));
    long start = System.nanoTime();
    List<Probed> fresh = new ArrayList<>();
    int[] solved = new int[1];
    InFlight.run(open, Math.max(parallel, Math.ceilDiv(AT_ONCE, probe.settings().draws())), p -> {
      Probed drawn = three.probe(prober, p);
      log.append(drawn);
      return drawn;
    }, (index, drawn) -> {
      fresh.add(drawn);
      solved[0] += drawn.solved();
      progress.at(before + fresh.size(), () -> String.format(Locale.ROOT, "%.0f %% right, %.0f tokens/s",
          100.0 * solved[0] / (fresh.size() * probe.settings().draws()), rate(fresh, start)));
    });
    probeRate = fresh.isEmpty() ? Double.NaN : rate(fresh, start);
    return problems.stream().map(p -> log.findProbe(p.id())).toList();
  }

  private static double rate(List<Probed> drawn, long start) {
    return drawn.stream().mapToLong(Probed::tokens).sum() / ((System.nanoTime() - start) / 1e9);
  }

  private static void refuseRepeatedIds(List<Problem> problems) {
    Set<String> ids = new HashSet<>();
    for (Problem problem : problems) {
      if (!ids.add(problem.id())) {
        throw new IllegalArgumentException("two problems have the id " + problem.id() + ": ids must be unique");
      }
    }
  }
}
