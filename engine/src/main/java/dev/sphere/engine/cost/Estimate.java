package dev.sphere.engine.cost;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * What a run was said to cost when it had just begun, and what it came to. All is of this process, from its first problem on.
 *
 * @param after seconds after which it was said
 * @param tokens generated in all
 * @param seconds in all
 * @param pairs of all problems, those of an earlier process included
 * @param truth what it came to; null while the run goes on
 */
public record Estimate(double after, Range tokens, Range seconds, Range pairs, Truth truth) {
  /** What came true. */
  public record Truth(long tokens, double seconds, int pairs) {}

  /**
   * By what is known now.
   *
   * @param after seconds since the run began
   * @param left what is to come
   * @param tokens generated up to now
   * @param brought pairs of each problem that has ended in this process
   * @param found pairs of the unfinished ones up to now
   * @param unfinished how many there are
   * @param earlier pairs of problems that ended in an earlier process
   */
  public static Estimate of(double after, Forecast left, double tokens, int[] brought, int found, int unfinished, int earlier) {
    return new Estimate(after, left.work().plus(tokens), left.seconds().plus(after),
        Yield.of(brought, found, unfinished).plus(earlier), null);
  }

  /** The same with what it came to. */
  public Estimate with(Truth came) {
    return new Estimate(after, tokens, seconds, pairs, came);
  }

  /** A line for people. */
  public String text() {
    String said = String.format(Locale.ROOT, "%s in all, %s tokens, %s pairs", seconds.time(), tokens.count(), pairs.count());
    return truth == null ? said : String.format(Locale.ROOT, "after %.0f s it was estimated at %s; it took %s, %,d tokens and made %d pairs",
        after, said, new Range(truth.seconds, truth.seconds, truth.seconds).time().replace("about ", ""), truth.tokens, truth.pairs);
  }

  /** For JSON. */
  public Map<String, Object> toMap() {
    Map<String, Object> m = new LinkedHashMap<>();
    m.put("after_seconds", after);
    m.put("tokens", tokens.toMap());
    m.put("seconds", seconds.toMap());
    m.put("pairs", pairs.toMap());
    if (truth != null) {
      Map<String, Object> t = new LinkedHashMap<>();
      t.put("tokens", truth.tokens);
      t.put("seconds", truth.seconds);
      t.put("pairs", truth.pairs);
      m.put("truth", t);
    }
    return m;
  }
}
