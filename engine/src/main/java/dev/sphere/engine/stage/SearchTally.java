package dev.sphere.engine.stage;

import dev.sphere.base.SplitMix;
import dev.sphere.engine.Problem;
import dev.sphere.engine.Progress;
import dev.sphere.engine.cost.Estimate;
import dev.sphere.engine.cost.Forecast;
import dev.sphere.engine.cost.Pace;
import dev.sphere.engine.cost.Range;
import dev.sphere.engine.probe.Probed;
import dev.sphere.engine.search.Expansion;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;

/**
 * Counts what a run comes to while it goes on, tells of it, and says what is still to come. Problems end late, and many at
 * once where many are in flight; so what is left is judged by tokens, of finished and unfinished problems
 * ({@link Forecast}). Thread-safe.
 */
final class SearchTally {
  private static final double FIRST = 30; // seconds until it is said what the whole will cost, if some problems are done
  private static final double LATEST = 55; // seconds until it is said in any case
  private static final int SOME = 3;
  private static final double FRESH = 4; // seconds for which a forecast is good
  /** Expansions of a search with one simulation and solutions of four steps. */
  static final double EXPANSIONS = 7;
  private static final double YET = 3; // times what a problem has cost up to now, as long as nothing else is known
  private static final double LEAST = 300; // tokens of a problem
  private static final long TICK = 1_000_000_000L;

  private final Progress progress;
  private final LongSupplier live;
  private final LongSupplier clock;
  private final int parallel;
  private final double expected;
  private final long start;
  private final long drawnBefore;
  private final Map<Long, Work> open = new HashMap<>(); // of this run, not finished; by the problem's key
  private final Map<String, Work> byId = new HashMap<>();
  private final Map<Stage, Integer> pairs = new EnumMap<>(Stage.class); // of problems that have ended
  private final Costs ended = new Costs();
  private final Pace pace = new Pace();
  private long tokens; // generated in this run, rollouts of the process reward included
  private long rewards;
  private long kept;
  private long expansions;
  private int done;
  private Forecast forecast;
  private double forecastAt;
  private Estimate estimate;
  private double lastEnd;
  private boolean trial;

  /** Ends a trial: what the whole will cost has been said. */
  static final class Said extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Said() {
      super("what the whole will cost is known", null, false, false);
    }
  }

  /** An unfinished problem. */
  private static final class Work {
    boolean begun;
    boolean half; // an earlier process had begun it
    long tokens;
    int pairs;
    Stage stage = Stage.GENERATION;
  }

  /** What problems of this run cost and brought that were begun and ended in it. */
  private static final class Costs {
    double[] tokens = new double[16];
    int[] pairs = new int[16];
    int n;

    void add(Work work) {
      if (n == tokens.length) {
        tokens = Arrays.copyOf(tokens, 2 * n);
        pairs = Arrays.copyOf(pairs, 2 * n);
      }
      tokens[n] = work.tokens;
      pairs[n++] = work.pairs;
    }
  }

  /**
   * @param problems those that have not ended in an earlier run
   * @param parallel most of them in flight
   * @param expected tokens of a problem; 0 where nobody knows
   * @param live tokens that the policies have drawn, calls under way included; 0 where they do not count
   * @param clock nanoseconds
   */
  SearchTally(List<Problem> problems, int parallel, double expected, LongSupplier live, Progress progress, LongSupplier clock) {
    this.parallel = parallel;
    this.expected = expected;
    this.live = live;
    this.progress = progress;
    this.clock = clock;
    this.start = clock.getAsLong();
    this.drawnBefore = live.getAsLong();
    for (Problem p : problems) {
      Work work = new Work();
      byId.put(p.id(), work);
      open.put(SplitMix.hash(p.id()), work);
    }
    for (Stage stage : Stage.values()) {
      pairs.put(stage, 0);
    }
  }

  /** One that nobody hears. */
  static SearchTally silent() {
    return new SearchTally(List.of(), 1, 0, () -> 0, Progress.NONE, System::nanoTime);
  }

  /** The search is tried only until it can be said what it costs: then whoever tells of progress meets {@link Said}. */
  SearchTally trial() {
    trial = true;
    return this;
  }

  /** What a probe has taught is enough to say at once what the search will cost. */
  synchronized void expect(double tokensPerSecond) {
    if (expected > 0 && tokensPerSecond > 0 && !open.isEmpty()) {
      Pace probed = new Pace();
      probed.at(1, tokensPerSecond);
      forecast = Forecast.of(pieces(), probed);
      say(0);
      forecast = null;
    }
  }

  /** Tells of progress every second, also while no call returns, until its thread is interrupted. */
  void tick() {
    while (!Thread.currentThread().isInterrupted()) {
      LockSupport.parkNanos(TICK);
      synchronized (this) {
        try {
          if (!Thread.currentThread().isInterrupted()) {
            tell();
          }
        } catch (RuntimeException e) {
          return; // who listens fails; the problems' threads meet it too, and the run ends by it
        }
      }
    }
  }

  synchronized void generated(long problem, long n) {
    tokens += n;
    Work work = open.get(problem);
    if (work != null) {
      work.tokens += n;
    }
    tell();
  }

  synchronized void rewarded(long n) {
    rewards += n;
  }

  synchronized void ended(ProblemResult result) {
    result.stages().forEach(s -> pairs.merge(s.stage(), s.pairs().size(), Integer::sum));
    done++;
    Work work = byId.remove(result.problemId());
    if (work != null) {
      open.remove(SplitMix.hash(result.problemId()));
      work.pairs = result.pairs();
      if (!work.half) {
        ended.add(work);
      }
    }
    lastEnd = seconds();
    tell();
  }

  /** The log as the stages see it: what they ask for and keep tells how far they are. */
  RunLog watch(RunLog log) {
    return new RunLog() {
      @Override
      public ProblemResult findProblem(String problemId) {
        began(problemId);
        return log.findProblem(problemId);
      }

      @Override
      public StageResult findStage(String problemId, Stage stage) {
        StageResult known = log.findStage(problemId, stage);
        if (known != null) {
          half(problemId);
          ended(known);
        }
        return known;
      }

      @Override
      public Expansion find(String problemId, String search, String path) {
        Expansion known = log.find(problemId, search, path);
        if (known != null) {
          half(problemId);
        }
        return known;
      }

      @Override
      public void append(Expansion expansion) {
        log.append(expansion);
        expanded(expansion);
      }

      @Override
      public void append(StageResult result) {
        log.append(result);
        ended(result);
      }

      @Override
      public void append(ProblemResult result) {
        log.append(result);
      }

      @Override
      public void append(List<ProblemRecords> records) {
        log.append(records);
        for (ProblemRecords each : records) {
          each.expansions().forEach(e -> expanded(e));
          kept(each.used());
          each.stages().forEach(s -> ended(s));
        }
      }

      @Override
      public Probed findProbe(String problemId) {
        return log.findProbe(problemId);
      }

      @Override
      public void append(Probed probed) {
        log.append(probed);
      }

      @Override
      public void used(String problemId, long n) {
        kept(n);
      }
    };
  }

  private synchronized void began(String problemId) {
    Work work = byId.get(problemId);
    if (work != null) {
      work.begun = true;
    }
  }

  private synchronized void half(String problemId) {
    Work work = byId.get(problemId);
    if (work != null) {
      work.half = true;
    }
  }

  private synchronized void ended(StageResult result) {
    Work work = byId.get(result.problemId());
    if (work != null) {
      work.pairs += result.pairs().size();
      Stage[] all = Stage.values();
      work.stage = all[Math.min(result.stage().ordinal() + 1, all.length - 1)];
    }
  }

  private synchronized void expanded(Expansion e) {
    expansions++;
    kept += e.candidates().stream().mapToLong(c -> c.generation().tokens().length).sum();
  }

  private synchronized void kept(long n) {
    kept += n;
  }

  synchronized SearchRun.Drawn drawn() {
    return new SearchRun.Drawn(tokens, 0, rewards, kept);
  }

  /** What was said in the beginning, with what it has come to up to the last problem's end; null when nothing was said. */
  synchronized Estimate estimate() {
    return estimate == null ? null : estimate.with(truth());
  }

  /** What it has come to up to the last problem's end. */
  synchronized Estimate.Truth truth() {
    return new Estimate.Truth(tokens, lastEnd, allPairs());
  }

  /** Problems that were begun and ended. */
  synchronized int finished() {
    return ended.n;
  }

  private int allPairs() {
    return pairs.values().stream().mapToInt(Integer::intValue).sum();
  }

  private double seconds() {
    return (clock.getAsLong() - start) / 1e9;
  }

  /** Tokens drawn up to now, those of calls under way included where they are counted. */
  private double drawnByNow() {
    return Math.max(tokens, live.getAsLong() - drawnBefore);
  }

  private void tell() {
    double seconds = seconds();
    pace.at(seconds, drawnByNow());
    if (estimate == null && seconds >= (ended.n < SOME ? LATEST : FIRST) && pace.known() && !open.isEmpty()) {
      left(seconds);
      say(seconds);
    }
    progress.at(done, this::words, () -> left(seconds));
    if (trial && estimate != null) {
      throw new Said();
    }
  }

  private String said() {
    return String.format(Locale.ROOT, "nine times in ten; after %.0f s, %d of %d problems and %,.0f tokens",
        estimate.after(),
        ended.n, ended.n + open.size(), drawnByNow());
  }

  /** By the forecast that was just made. */
  private void say(double seconds) {
    int unfinished = open.size();
    int found = open.values().stream().mapToInt(w -> w.pairs).sum();
    int[] brought = Arrays.copyOf(ended.pairs, ended.n);
    int earlier = allPairs() - Arrays.stream(brought).sum();
    estimate = Estimate.of(seconds, forecast, drawnByNow(), brought, found, unfinished, earlier);
    if (trial) {
      return;
    }
    progress.note("the whole search: " + estimate.text() + " to expect (" + said() + ")");
  }

  /** Seconds left; null while nothing is known. */
  private Range left(double seconds) {
    if (open.isEmpty() || !pace.known()) {
      return null;
    }
    if (forecast == null || seconds - forecastAt >= FRESH) {
      forecast = Forecast.of(pieces(), pace);
      forecastAt = seconds;
    }
    Range then = forecast.seconds();
    double passed = seconds - forecastAt;
    return new Range(Math.max(0, then.low() - passed), Math.max(0, then.middle() - passed), Math.max(0, then.high() - passed));
  }

  private Forecast.Pieces pieces() {
    List<Work> going = open.values().stream().filter(w -> w.begun && !w.half).toList();
    int half = (int) open.values().stream().filter(w -> w.half).count();
    double underWay = Math.max(0, drawnByNow() - tokens) / Math.max(1, going.size() + half);
    double[] spent = going.stream().mapToDouble(w -> w.tokens + underWay).sorted().toArray();
    double first = expected > 0 ? expected
        : expansions > 0 ? EXPANSIONS * drawnByNow() / expansions : YET * (spent.length == 0 ? 0 : spent[spent.length - 1]);
    return new Forecast.Pieces(Math.max(LEAST, first), Arrays.copyOf(ended.tokens, ended.n), spent, half,
        open.size() - going.size() - half, parallel);
  }

  private String words() {
    StringBuilder words = new StringBuilder(String.format(Locale.ROOT, "pairs %d+%d+%d", pairs.get(Stage.GENERATION),
        pairs.get(Stage.CORRECTION), pairs.get(Stage.DIVERSITY)));
    for (Stage stage : Stage.values()) {
      long n = open.values().stream().filter(w -> w.begun && w.stage == stage).count();
      if (n > 0) {
        words.append(String.format(Locale.ROOT, ", %d in %s", n, stage.label()));
      }
    }
    if (ended.n > 0) {
      words.append(String.format(Locale.ROOT, ", %,.0f tokens a problem", Arrays.stream(ended.tokens, 0, ended.n).average().orElse(0)));
    }
    double seconds = seconds();
    return words.append(String.format(Locale.ROOT, ", %.0f tokens/s", seconds == 0 ? 0 : drawnByNow() / seconds)).toString();
  }
}
