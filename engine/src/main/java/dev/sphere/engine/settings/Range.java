package dev.sphere.engine.settings;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An interval of numbers.
 *
 * @param low its lower end
 * @param open whether the lower end is outside
 * @param high its upper end
 * @param openHigh whether the upper end is outside
 * @param orZero whether 0 is also allowed, outside the interval
 */
record Range(double low, boolean open, double high, boolean openHigh, boolean orZero) {
  private static final Pattern TEXT = Pattern.compile("(0 or )?([\\[(])([^,]*), ?([^])]*)([])])");

  static Range of(String text) {
    Matcher m = TEXT.matcher(text);
    if (!m.matches()) {
      throw new IllegalArgumentException("no range: " + text);
    }
    return new Range(m.group(3).isBlank() ? Double.NEGATIVE_INFINITY : Double.parseDouble(m.group(3)), m.group(2).equals("("),
        m.group(4).isBlank() ? Double.POSITIVE_INFINITY : Double.parseDouble(m.group(4)), m.group(5).equals(")"), m.group(1) != null);
  }

  boolean holds(double x) {
    return orZero && x == 0
        || (open ? x > low : x >= low) && (openHigh ? x < high : x <= high) && Double.isFinite(x);
  }

  /** Such as "at least 2", "above 0" or "in [0, 1)". */
  String words() {
    String interval = high < Double.POSITIVE_INFINITY
        ? "in " + (open ? "(" : "[") + number(low) + ", " + number(high) + (openHigh ? ")" : "]")
        : low == Double.NEGATIVE_INFINITY ? "finite" : (open ? "above " : "at least ") + number(low);
    return orZero ? "0 or " + interval : interval;
  }

  private static String number(double x) {
    return x == Math.rint(x) ? String.valueOf((long) x) : String.valueOf(x);
  }
}
