package dev.sphere.engine.cost;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * What a figure may turn out to be: it lies from {@code low} to {@code high} nine times in ten, and is as likely below
 * {@code middle} as above.
 *
 * @param low the 5 % quantile
 * @param middle the median
 * @param high the 95 % quantile
 */
public record Range(double low, double middle, double high) {
  public Range {
    if (!(low <= middle && middle <= high)) {
      throw new IllegalArgumentException("a range goes up: " + low + ", " + middle + ", " + high);
    }
  }

  /** The quantiles of at least one draw. */
  static Range of(double[] draws) {
    double[] sorted = draws.clone();
    Arrays.sort(sorted);
    int last = sorted.length - 1;
    return new Range(sorted[(int) Math.round(0.05 * last)], sorted[(int) Math.round(0.5 * last)],
        sorted[(int) Math.round(0.95 * last)]);
  }

  /** With what is known already. */
  public Range plus(double known) {
    return new Range(low + known, middle + known, high + known);
  }

  /** The sum of two that go up and down together: no narrower than it is. */
  public Range plus(Range other) {
    return new Range(low + other.low, middle + other.middle, high + other.high);
  }

  /** So many times as much. */
  public Range times(double factor) {
    return new Range(low * factor, middle * factor, high * factor);
  }

  /** As many times as that many may be. */
  public Range times(Range factor) {
    return new Range(low * factor.low, middle * factor.middle, high * factor.high);
  }

  /** What nobody doubts. */
  public static Range exactly(double value) {
    return new Range(value, value, value);
  }

  /** Whether the truth lay in it. */
  public boolean holds(double truth) {
    return low <= truth && truth <= high;
  }

  /** Of seconds, for people: "12 to 20 min", in one unit that suits the upper end. */
  public String time() {
    String unit = high < 90 ? "s" : high < 5400 ? "min" : "h";
    double seconds = high < 90 ? 1 : high < 5400 ? 60 : 3600;
    String from = figures(low / seconds, unit);
    String to = figures(high / seconds, unit);
    return from.equals(to) ? "about " + to + " " + unit : from + " to " + to + " " + unit;
  }

  private static String figures(double value, String unit) {
    return String.format(Locale.ROOT, !unit.equals("s") && value < 9.95 ? "%.1f" : "%.0f", value);
  }

  /** Of things that are counted, for people: "41,000 to 63,000", with two figures that count. */
  public String count() {
    String from = rounded(low);
    String to = rounded(high);
    return from.equals(to) ? "about " + to : from + " to " + to;
  }

  private static String rounded(double value) {
    double step = value < 100 ? 1 : Math.pow(10, Math.floor(Math.log10(value)) - 1);
    return String.format(Locale.ROOT, "%,.0f", Math.round(value / step) * step);
  }

  /** For JSON. */
  public Map<String, Object> toMap() {
    Map<String, Object> m = new LinkedHashMap<>();
    m.put("low", low);
    m.put("middle", middle);
    m.put("high", high);
    return m;
  }
}
