package dev.sphere.engine.run;

import dev.sphere.engine.Progress;
import dev.sphere.engine.stage.ProblemRecords;
import dev.sphere.engine.stage.ProblemResult;
import dev.sphere.engine.stage.Stage;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;

/**
 * Counts what a search does: problems, pairs, right draws of the probe, tokens a second. Reports at each call of a
 * policy, at each problem's end, and each second. Thread-safe.
 */
public final class RunProgress {
  private static final long TICK = 1_000_000_000L;

  private final Progress progress;
  private final Map<Stage, Integer> pairs = new EnumMap<>(Stage.class);
  private Supplier<String> words = () -> "";
  private long start; // of the task that goes on; nanoseconds
  private long tokens; // generated since then
  private long ended; // tokens of problems that were done since then
  private boolean searching;
  private int before; // problems that an earlier process had done
  private int done;
  private long draws; // of the probe
  private long right;

  public RunProgress(Progress progress) {
    this.progress = progress;
    for (Stage stage : Stage.values()) {
      pairs.put(stage, 0);
    }
  }

  /** The probe begins; {@code done} of all problems were probed by an earlier process. */
  synchronized void beginProbe(int done, int total) {
    words = () -> text("%.0f %% right, %.0f tokens/s", 100.0 * right / Math.max(1, draws), rate());
    begin("probe", done, total);
  }

  /** The search begins; {@code known} are results of an earlier process, among {@code total} problems. */
  synchronized void beginSearch(List<ProblemResult> known, int total) {
    words = () -> text("pairs %d+%d+%d%s, %.0f tokens/s", pairs.get(Stage.GENERATION), pairs.get(Stage.CORRECTION),
        pairs.get(Stage.DIVERSITY), done() == 0 ? "" : text(", %,.0f tokens a problem", (double) ended / done()),
            rate());
    searching = true;
    begin("search", known.size(), total);
    known.forEach(this::count);
    report();
  }

  private void begin(String task, int earlier, int total) {
    start = System.nanoTime();
    tokens = 0;
    ended = 0;
    before = earlier;
    done = earlier;
    progress.begin(task, "problems", earlier, total);
  }

  /** A policy generated tokens, here or on another machine. */
  public synchronized void generated(long n) {
    tokens += n;
    if (searching) { // a problem's probe is one call, and reported when it is done
      report();
    }
  }

  /** Whether the search has begun: the probe is over. */
  synchronized boolean searching() {
    return searching;
  }

  private void count(ProblemResult result) {
    result.stages().forEach(s -> pairs.merge(s.stage(), s.pairs().size(), Integer::sum));
  }

  /** A task is done; its tokens were given to {@link #generated}. */
  synchronized void done(ProblemRecords records) {
    done++;
    ended += records.drawn().all();
    if (records.probed() != null) {
      draws += records.probed().draws().size();
      right += records.probed().solved();
    }
    if (records.result() != null) {
      count(records.result());
    }
    report();
  }

  /** Problems that were done since the task began. */
  synchronized int done() {
    return done - before;
  }

  /** Tokens that were generated since the task began. */
  synchronized long tokens() {
    return tokens;
  }

  /** Seconds since the task began. */
  synchronized double seconds() {
    return (System.nanoTime() - start) / 1e9;
  }

  private double rate() {
    return tokens / seconds();
  }

  private void report() {
    progress.at(done, words);
  }

  /** Something worth a line. */
  void note(String line) {
    progress.note(line);
  }

  /** Reports each second, also while no call returns, until its thread is interrupted. */
  void tick() {
    while (!Thread.currentThread().isInterrupted()) {
      LockSupport.parkNanos(TICK);
      synchronized (this) {
        try {
          if (!Thread.currentThread().isInterrupted()) {
            report();
          }
        } catch (RuntimeException e) {
          return; // the working threads meet the listener's failure too, and the run ends by it
        }
      }
    }
  }

  private static String text(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
