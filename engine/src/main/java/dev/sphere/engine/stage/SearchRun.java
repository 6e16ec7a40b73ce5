package dev.sphere.engine.stage;

import dev.sphere.base.InFlight;
import dev.sphere.base.SplitMix;
import dev.sphere.engine.OutcomeReward;
import dev.sphere.engine.Policy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.Progress;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.cost.Estimate;
import dev.sphere.engine.cost.Forecast;
import dev.sphere.engine.cost.Pace;
import dev.sphere.engine.cost.Range;
import dev.sphere.engine.probe.ProbeReport;
import dev.sphere.engine.probe.ProbeSettings;
import dev.sphere.engine.probe.Probed;
import dev.sphere.engine.probe.Prober;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.search.Room;
import dev.sphere.engine.search.SearchSettings;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;

/**
 * Takes a set of problems through the three stages, many at a time: one virtual thread a problem, so that the policy's
 * batch stays full. The results come in the problems' order and do not depend on how many are in flight.
 */
public final class SearchRun {
  private static final double STEP = 0.25; // of a solution, in a first guess
  private static final double REST = 0.5; // what follows a step on average
  /** Draws of a probe, or problems that only have to be recorded, in flight: enough for the largest batch. */
  private static final int AT_ONCE = 512;
  private static final int PROBED = 64; // problems of a trial

  private final Models models; // null where others solve the problems
  private final Stages stages;
  private final Workers workers; // null where this process does
  private final int parallel;
  private final double expected;
  private final LongSupplier clock;
  private SearchTally tally = SearchTally.silent();
  private final LongAdder probeTokens = new LongAdder();
  private Probe probe; // null for none
  private double perSolution; // tokens of a problem's search for a token of a solution, as a first guess
  private ProbeReport probeReport;
  private double probeRate = Double.NaN;
  private Prompts asked; // null: what the pairs are written under

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
    ThreeStages of(Actor actor, Actor small, SearchTally tally, Room room);
  }

  /** Makes the way in which a model explores problems: over its metered policy, with its process reward. */
  @FunctionalInterface
  public interface Exploration {
    Explorer over(Policy policy, PrmFactory prm);
  }

  /** @param parallel most problems in flight */
  public SearchRun(
      Models models, OutcomeReward outcome, SearchSettings search, StageSettings stages, long seed, int parallel) {
    this(models, outcome, search, stages, seed, parallel, System::nanoTime);
  }

  /** Visible for tests: with a clock of nanoseconds. */
  SearchRun(Models models, OutcomeReward outcome, SearchSettings search, StageSettings stages, long seed, int parallel,
      LongSupplier clock) {
    this(models, (actor, small, tally, room) -> new ThreeStages(actor, small, outcome, search, stages, seed, room), null, parallel,
        0, clock);
  }

  /**
   * A run whose problems others solve.
   *
   * @param budget tokens that the way to explore spends on a problem, about; 0 for the paper's search
   */
  public static SearchRun over(Workers workers, long budget) {
    return new SearchRun(null, null, workers, Math.max(1, workers.slots()), budget, System::nanoTime);
  }

  /**
   * A run in which both models explore problems in another way than by the paper's search.
   *
   * @param budget tokens that this way spends on a problem, about
   */
  public SearchRun(Models models, Exploration way, StageSettings stages, int parallel, long budget) {
    this(models, (actor, small, tally, room) -> new ThreeStages(actor, small, way.over(actor.policy(), counted(models.prm(), tally)),
        small == null ? null : way.over(small.policy(), counted(models.smallPrm(), tally)), stages), null, parallel, budget,
        System::nanoTime);
  }

  private SearchRun(Models models, Stages stages, Workers workers, int parallel, double expected, LongSupplier clock) {
    if (parallel < 1) {
      throw new IllegalArgumentException("at least 1 problem must be in flight, not " + parallel);
    }
    this.models = models;
    this.stages = stages;
    this.workers = workers;
    this.parallel = parallel;
    this.expected = expected;
    this.clock = clock;
  }

  /** The same run with a probe before its search. */
  public SearchRun probing(Probe before) {
    return probing(before, 0);
  }

  /** @param rollouts of a step for the Monte Carlo reward, 0 without: what the search is first expected to cost depends on them */
  public SearchRun probing(Probe before, int rollouts) {
    probe = before.settings().on() ? before : null;
    perSolution = SearchTally.EXPANSIONS * before.search().candidates() * (STEP + rollouts * REST);
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

  /** The same run, but the models are asked in other words than those that the pairs are written under. */
  public SearchRun asking(Prompts prompts) {
    asked = prompts;
    return this;
  }

  private static Actor actor(Policy policy, PrmFactory prm, SearchTally tally) {
    Policy metered = new MeteredPolicy(policy, tally::generated);
    return new Actor(metered, counted(prm, tally).over(metered));
  }

  /** The process reward's rollouts are counted twice: by the policy that it is given, and as the reward's. */
  private static PrmFactory counted(PrmFactory prm, SearchTally tally) {
    return metered -> prm.over(new MeteredPolicy(metered, (problem, tokens) -> tally.rewarded(tokens)));
  }

  /** Tokens generated by the last run so far, rollouts of the process reward included. */
  public long tokens() {
    return drawn().all();
  }

  /**
   * Tokens that were drawn.
   *
   * @param all rollouts of the process reward and the probe included
   * @param probe the probe's solutions
   * @param rewards those rollouts
   * @param kept those that stand in a kept candidate, or in a strategy's solution
   */
  public record Drawn(long all, long probe, long rewards, long kept) {}

  /** What the last run drew. */
  public Drawn drawn() {
    Drawn searched = tally.drawn();
    long probed = probeTokens.sum();
    return new Drawn(searched.all() + probed, probed, searched.rewards(), searched.kept());
  }

  /** What the last run was said to cost when it had just begun, and what it came to; null when it was over before. */
  public Estimate estimate() {
    return tally.estimate();
  }

  private static long drawn(Policy policy) {
    return policy == null ? 0 : policy.drawn();
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
    begin(problems, log, progress, expected);
    return search(problems.stream().map(p -> new Workers.Task(Workers.Kind.SOLVE, p, null, null)).toList(), log);
  }

  /**
   * What a search of all problems will cost, known by trying some: at most a minute, or longer where a probe comes first and
   * draws slowly.
   *
   * @param tokens generated in all, the probe's included
   * @param seconds the same
   * @param pairs to expect
   * @param searched problems that are searched, by what the probe took of those that were tried
   * @param tried problems that were searched to their end
   * @param drawn tokens that the trial took
   * @param after seconds that it took
   */
  public record Trial(Range tokens, Range seconds, Range pairs, int searched, int tried, long drawn, double after) {}

  /**
   * Tries some problems, in an order by the seed: a file may have the easy ones first. Once it is known what all of them will
   * cost, the trial ends.
   *
   * @param log takes what the trial found; no run goes on from it
   */
  public Trial tried(List<Problem> problems, long seed, RunLog log, Progress progress) throws InterruptedException {
    refuseRepeatedIds(problems);
    long start = clock.getAsLong();
    List<Problem> mixed = new ArrayList<>(problems);
    Collections.shuffle(mixed, new Random(seed));
    if (probe == null) {
      begin(mixed, log, progress, expected);
      trial(mixed.stream().map(p -> new Workers.Task(Workers.Kind.SOLVE, p, null, null)).toList(), log);
      return trial(Range.exactly(0), Range.exactly(0), Range.exactly(1), mixed.size(), start);
    }
    List<Problem> some = mixed.subList(0, Math.min(PROBED, mixed.size()));
    List<Probed> probed = probe(some, log, progress);
    ProbeSettings.Selection selection = probe.settings().select(probed, probe.seed());
    probeReport = ProbeReport.of(probe.settings(), probed, selection);
    // As many as the whole probe will take; those of them that were not probed stand for others like the probed ones.
    Set<String> taken = new HashSet<>(selection.taken());
    int within = taken.size() + selection.surplus().size();
    int most = probe.settings().take() > 0 ? probe.settings().take() : mixed.size();
    int searched = Math.min(most, (int) Math.round((double) within * mixed.size() / some.size()));
    List<Problem> all = new ArrayList<>(some.stream().filter(p -> taken.contains(p.id())).toList());
    mixed.stream().skip(some.size()).limit(Math.max(0, searched - all.size())).forEach(all::add);
    Map<String, Probed> probes = new HashMap<>();
    probed.forEach(p -> probes.put(p.problemId(), p));
    double each = (double) probed.stream().mapToLong(Probed::tokens).sum() / some.size();
    Range tokens = sure(mixed.size() * each, some.size() == mixed.size());
    Range seconds = tokens.times(1 / probeRate);
    begin(all, log, progress, expected > 0 ? expected : probeReport.tokensPerSolution() * perSolution);
    trial(all.stream().map(p -> searched(p, probes)).toList(), log);
    return trial(tokens, seconds, share(within, some.size(), mixed.size()), all.size(), start);
  }

  /** What was measured on some: within a third. */
  private static Range sure(double value, boolean all) {
    return all ? Range.exactly(value) : new Range(value / 1.33, value, value * 1.33);
  }

  /** How far the share of those taken may lie from the one seen, as a factor: Wilson's interval, nine times in ten. */
  private static Range share(int taken, int of, int all) {
    if (of == all || taken == 0) {
      return Range.exactly(1);
    }
    double z2 = 1.645 * 1.645;
    double p = (double) taken / of;
    double middle = (p + z2 / (2 * of)) / (1 + z2 / of);
    double half = Math.sqrt(z2 * (p * (1 - p) / of + z2 / (4.0 * of * of))) / (1 + z2 / of);
    return new Range((middle - half) / p, 1, (middle + half) / p);
  }

  private void trial(List<Workers.Task> tasks, RunLog log) throws InterruptedException {
    tally.trial();
    try {
      search(tasks, log);
    } catch (SearchTally.Said e) {
      // as it should: enough is known
    }
  }

  private Trial trial(Range tokens, Range seconds, Range factor, int searched, long start) {
    Estimate said = tally.estimate();
    double after = (clock.getAsLong() - start) / 1e9;
    if (said == null) { // all of it was done before anything had to be said
      Estimate.Truth truth = tally.truth();
      said = new Estimate(after, Range.exactly(truth.tokens()), Range.exactly(truth.seconds()), Range.exactly(truth.pairs()), truth);
    }
    return new Trial(said.tokens().times(factor).plus(tokens), said.seconds().times(factor).plus(seconds),
        said.pairs().times(factor), searched, tally.finished(), drawn().all(), after);
  }

  /** A new tally of what is still to be searched. */
  private void begin(List<Problem> problems, RunLog log, Progress progress, double each) {
    List<Problem> open = problems.stream().filter(p -> log.findProblem(p.id()) == null).toList();
    progress.begin("search", "problems", problems.size() - open.size(), problems.size());
    LongSupplier live = workers != null ? () -> 0 : () -> drawn(models.policy()) + drawn(models.small());
    tally = new SearchTally(open, parallel, each, live, progress, clock);
  }

  private List<ProblemResult> search(List<Workers.Task> tasks, RunLog log) throws InterruptedException {
    Thread ticker = Thread.startVirtualThread(tally::tick);
    try {
      return solve(tasks, parallel, tally, log);
    } finally {
      ticker.interrupt();
      ticker.join();
    }
  }

  /** Takes problems to their end, here or elsewhere; the results in the tasks' order. */
  private List<ProblemResult> solve(List<Workers.Task> tasks, int most, SearchTally counting, RunLog log)
      throws InterruptedException {
    RunLog watched = counting.watch(log);
    if (workers == null) {
      ThreeStages three = stages(counting, new Room(parallel));
      return InFlight.run(tasks, most, t -> three.solve(t.problem(), t.probed(), t.leftOut(), watched),
          (index, result) -> counting.ended(result));
    }
    Map<String, ProblemResult> results = new HashMap<>();
    List<Workers.Task> open = new ArrayList<>();
    for (Workers.Task task : tasks) {
      ProblemResult known = log.findProblem(task.problem().id());
      if (known == null) {
        open.add(task);
      } else {
        results.put(known.problemId(), known);
        counting.ended(known);
      }
    }
    workers.run(open, some -> {
      for (Workers.Done done : some) {
        counting.generated(SplitMix.hash(done.records().problemId()), done.tokens());
        counting.rewarded(done.rewards());
      }
      watched.append(some.stream().map(Workers.Done::records).toList());
      for (Workers.Done done : some) {
        results.put(done.records().problemId(), done.records().result());
        counting.ended(done.records().result());
      }
    });
    return tasks.stream().map(t -> results.get(t.problem().id())).toList();
  }

  /**
   * Does one task of a run that another process leads, and gives back what is to be recorded of it. Safe for many threads.
   *
   * @throws IllegalStateException for a probe's task in a run without {@link #probing}
   */
  public Workers.Done work(Workers.Task task) throws InterruptedException {
    ProblemRecords records = new ProblemRecords(task.problem().id());
    SearchTally counting = SearchTally.silent();
    LongAdder probed = new LongAdder();
    if (task.kind() == Workers.Kind.PROBE) {
      records.append(stages(counting, new Room(1)).probe(prober(probed), task.problem()));
    } else {
      stages(counting, new Room(1)).solve(task.problem(), task.probed(), task.leftOut(), records);
    }
    Drawn drawn = counting.drawn();
    return new Workers.Done(records, drawn.all() + probed.sum(), drawn.rewards());
  }

  private ThreeStages stages(SearchTally tally, Room room) {
    Actor actor = actor(models.policy(), models.prm(), tally);
    Actor small = models.small() == null ? null : actor(models.small(), models.smallPrm(), tally);
    ThreeStages made = stages.of(actor, small, tally, room);
    return asked == null ? made : made.asking(asked);
  }

  /** Probes all problems, ends those that are left out, and searches the rest in the order that the probe gives. */
  private List<ProblemResult> probedRun(List<Problem> problems, RunLog log, Progress progress)
      throws InterruptedException {
    Map<String, Probed> probes = new HashMap<>();
    List<Probed> probed = probe(problems, log, progress);
    probed.forEach(p -> probes.put(p.problemId(), p));
    ProbeSettings.Selection selection = probe.settings().select(probed, probe.seed());
    probeReport = ProbeReport.of(probe.settings(), probed, selection);
    probeReport.notes().forEach(progress::note);

    Map<String, Problem> byId = new HashMap<>();
    problems.forEach(p -> byId.put(p.id(), p));
    Set<String> taken = new HashSet<>(selection.taken());
    List<Problem> leftOut = problems.stream().filter(p -> !taken.contains(p.id())).toList();
    List<Problem> searched = selection.taken().stream().map(byId::get).toList();
    Map<String, ProblemResult> results = new HashMap<>();
    solve(leftOut.stream().map(p -> {
      boolean within = selection.surplus().contains(p.id());
      return new Workers.Task(Workers.Kind.SOLVE, p, probe.settings().pairs() && within ? probes.get(p.id()) : null,
          within ? Reason.NOT_TAKEN : Reason.PASS_RATE);
    }).toList(), AT_ONCE, SearchTally.silent(), log).forEach(r -> results.put(r.problemId(), r));

    begin(searched, log, progress, expected > 0 ? expected : probeReport.tokensPerSolution() * perSolution);
    tally.expect(probeRate);
    search(searched.stream().map(p -> searched(p, probes)).toList(), log).forEach(r -> results.put(r.problemId(), r));
    return problems.stream().map(p -> results.get(p.id())).toList();
  }

  /** A problem that the search takes, with what the probe drew of it where that may make pairs. */
  private Workers.Task searched(Problem p, Map<String, Probed> probes) {
    return new Workers.Task(Workers.Kind.SOLVE, p, probe.settings().pairs() ? probes.get(p.id()) : null, null);
  }

  /** What the probe draws of each problem, in their order; what is on record is not drawn again. */
  private List<Probed> probe(List<Problem> problems, RunLog log, Progress progress) throws InterruptedException {
    List<Problem> open = problems.stream().filter(p -> log.findProbe(p.id()) == null).toList();
    int before = problems.size() - open.size();
    progress.begin("probe", "problems", before, problems.size());
    long start = System.nanoTime();
    long drawnBefore = workers == null ? drawn(models.policy()) : 0;
    int full = Math.max(parallel, Math.ceilDiv(AT_ONCE, probe.settings().draws()));
    Pace pace = new Pace();
    List<Long> costs = new ArrayList<>(); // tokens of each problem that was probed
    long[] sums = new long[2]; // solved draws, tokens
    InFlight.Listener<Probed> listener = (index, drawn) -> {
      costs.add(drawn.tokens());
      sums[0] += drawn.solved();
      sums[1] += costs.getLast();
      long now = workers == null ? Math.max(sums[1], drawn(models.policy()) - drawnBefore) : sums[1];
      pace.at((System.nanoTime() - start) / 1e9, now);
      progress.at(before + costs.size(), () -> String.format(Locale.ROOT, "%.0f %% right, %.0f tokens/s",
          100.0 * sums[0] / (costs.size() * probe.settings().draws()), rate(sums[1], start)),
          () -> left(costs, open.size() - costs.size(), full, now - sums[1], pace));
    };
    if (workers != null) {
      workers.run(open.stream().map(p -> new Workers.Task(Workers.Kind.PROBE, p, null, null)).toList(), some -> {
        log.append(some.stream().map(Workers.Done::records).toList());
        for (Workers.Done done : some) {
          probeTokens.add(done.tokens());
          listener.done(costs.size(), done.records().probed());
        }
      });
    } else {
      Prober prober = prober(probeTokens);
      ThreeStages three = stages(SearchTally.silent(), new Room(1));
      InFlight.run(open, full, p -> {
        Probed drawn = three.probe(prober, p);
        log.append(drawn);
        return drawn;
      }, listener);
    }
    probeRate = costs.isEmpty() ? Double.NaN : rate(sums[1], start);
    return problems.stream().map(p -> log.findProbe(p.id())).toList();
  }

  private Prober prober(LongAdder tokens) {
    if (probe == null) {
      throw new IllegalStateException("this run has no probe");
    }
    Policy policy = new MeteredPolicy(models.policy(), (problem, n) -> tokens.add(n));
    return new Prober(policy, probe.outcome(), probe.search(), probe.whole(), probe.guesses(), probe.settings().draws(),
        probe.seed());
  }

  /** How long the rest of a probe takes; null where nothing is left. What was drawn of problems in flight is taken as even. */
  private static Range left(List<Long> done, int open, int full, long underWay, Pace pace) {
    if (open == 0 || !pace.known()) {
      return null;
    }
    double[] costs = done.stream().mapToDouble(Long::doubleValue).toArray();
    double[] going = new double[Math.min(open, full)];
    Arrays.fill(going, (double) underWay / going.length);
    double mean = Math.max(1, Arrays.stream(costs).average().orElse(1));
    return Forecast.of(new Forecast.Pieces(mean, costs, going, 0, open - going.length, full), pace).seconds();
  }

  private static double rate(long tokens, long start) {
    return tokens / ((System.nanoTime() - start) / 1e9);
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
