package dev.sphere.engine.grade;

/** The fast path: identical texts and plain whole or decimal numbers, compared as digits without any parsing. */
final class PlainNumbers {
  private PlainNumbers() {}

  /** "same ..." or "different ..." for two plain numbers or two identical short texts; null for anything else. */
  static String compare(String a, String b) {
    long[] x = read(a);
    if (x == null) {
      return null;
    }
    long[] y = read(b);
    if (y == null) {
      return null;
    }
    if (x[1] == y[1]) {
      return x[0] == y[0] ? "same number" : "different numbers";
    }
    // Long decimals may be roundings of each other: left to the full rules.
    return x[1] >= 4 && y[1] >= 4 ? null : "different numbers";
  }

  /** Digits without trailing zeros after the point, and their number after the point; null when it is no plain number. */
  private static long[] read(String s) {
    int from = 0;
    int to = s.length();
    while (from < to && s.charAt(from) <= ' ') {
      from++;
    }
    while (to > from && s.charAt(to - 1) <= ' ') {
      to--;
    }
    if (to - from > 22 || to == from) {
      return null;
    }
    boolean negative = s.charAt(from) == '-';
    int i = negative ? from + 1 : from;
    long value = 0;
    int digits = 0;
    int point = -1;
    int comma = -1;
    for (; i < to; i++) {
      char c = s.charAt(i);
      if (c >= '0' && c <= '9') {
        if (++digits > 17) {
          return null;
        }
        value = 10 * value + (c - '0');
      } else if (c == '.' && point < 0 && i + 1 < to) {
        if (comma >= 0 && i - comma != 4) {
          return null;
        }
        comma = -1;
        point = i;
      } else if (c == ',' && point < 0 && digits > 0 && (comma >= 0 ? i - comma == 4 : digits <= 3)) {
        comma = i;
      } else {
        return null;
      }
    }
    if (digits == 0 || comma >= 0 && to - comma != 4) {
      return null;
    }
    int first = negative ? from + 1 : from;
    if (s.charAt(first) == '0' && first + 1 < to && s.charAt(first + 1) == ',') {
      // 0,125 groups no thousands
      return null;
    }
    long decimals = point < 0 ? 0 : to - point - 1;
    while (decimals > 0 && value % 10 == 0) {
      value /= 10;
      decimals--;
    }
    return new long[] {negative ? -value : value, decimals};
  }
}
