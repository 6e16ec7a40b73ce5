package dev.sphere.engine.stage;

import dev.sphere.engine.Progress;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/** Counts what a run comes to while it goes on, and tells of it. */
final class SearchTally {
  private final LongAdder all;
  private final Progress progress;
  private final long start = System.nanoTime();
  private final Map<Stage, Integer> pairs = new EnumMap<>(Stage.class);
  private long tokens; // generated in this run, rollouts of the process reward included
  private int done;

  /** @param all counts the tokens too */
  SearchTally(LongAdder all, Progress progress) {
    this.all = all;
    this.progress = progress;
    for (Stage stage : Stage.values()) {
      pairs.put(stage, 0);
    }
  }

  void generated(long n) {
    all.add(n);
    synchronized (this) {
      tokens += n;
      tell();
    }
  }

  synchronized void ended(ProblemResult result) {
    result.stages().forEach(s -> pairs.merge(s.stage(), s.pairs().size(), Integer::sum));
    done++;
    tell();
  }

  private void tell() {
    double seconds = (System.nanoTime() - start) / 1e9;
    progress.at(done, () -> String.format("pairs %d+%d+%d, %.0f tokens/s", pairs.get(Stage.GENERATION),
        pairs.get(Stage.CORRECTION), pairs.get(Stage.DIVERSITY), tokens / seconds));
  }
}
