package dev.sphere.engine.run;

import dev.sphere.base.FreeMemory;
import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.cost.Range;
import dev.sphere.engine.stage.SearchRun;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What a search will take, told before it is begun. Ranges hold the truth nine times in ten, if the machine is as busy then as it
 * was during the trial.
 *
 * @param trial what was tried, and the tokens and pairs to expect
 * @param seconds from the start to the end, loading the models included
 * @param disk bytes of the run's directory
 * @param memory bytes that the trial had resident at most, with as many problems in flight as the run has; -1: unknown
 * @param problems of the whole run
 * @param found pairs of the trial
 */
public record Expected(SearchRun.Trial trial, Range seconds, Range disk, long memory, int problems, List<PreferencePair> found) {
  /** Some lines for people. */
  public List<String> lines() {
    List<String> lines = new ArrayList<>();
    lines.add(String.format(Locale.ROOT, "%,d problems%s, judged by %,d of them that were searched in %.0f s:", problems,
        trial.searched() == problems ? "" : String.format(Locale.ROOT, ", of which about %,d are searched after the probe", trial.searched()),
        trial.tried(), trial.after()));
    lines.add("  time    " + seconds.time());
    lines.add("  tokens  " + trial.tokens().count() + String.format(Locale.ROOT, ", about %,.0f a problem",
        trial.tokens().middle() / Math.max(1, problems)));
    lines.add("  pairs   " + trial.pairs().count());
    if (memory >= 0) {
      lines.add("  memory  about " + FreeMemory.text(memory));
    }
    String low = FreeMemory.text((long) disk.low());
    String high = FreeMemory.text((long) disk.high());
    lines.add("  disk    " + (low.equals(high) ? "about " + low : low + " to " + high));
    return lines;
  }

  /** For JSON. */
  public Map<String, Object> toMap() {
    Map<String, Object> m = new LinkedHashMap<>();
    m.put("problems", problems);
    m.put("searched", trial.searched());
    m.put("tried", trial.tried());
    m.put("after_seconds", trial.after());
    m.put("seconds", seconds.toMap());
    m.put("tokens", trial.tokens().toMap());
    m.put("pairs", trial.pairs().toMap());
    m.put("memory_bytes", memory);
    m.put("disk_bytes", disk.toMap());
    return m;
  }
}
