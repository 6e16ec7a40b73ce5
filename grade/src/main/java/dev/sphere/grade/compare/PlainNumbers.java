package dev.sphere.grade.compare;

/** The fast path: identical texts and plain whole or decimal numbers, compared as digits without any parsing. */
public final class PlainNumbers {
  private PlainNumbers() {}

  /** The rule for two plain numbers; null for anything else, and where long decimals may be roundings of each other. */
  public static Rule compare(String a, String b) {
    long[] x = read(a);
    if (x == null) {
      return null;
    }
    long[] y = read(b);
    if (y == null) {
      return null;
    }
    if (x[1] == y[1]) {
      return x[0] == y[0] ? Rule.SAME_NUMBER : Rule.DIFFERENT_NUMBERS;
    }
    // Long decimals may be roundings of each other: left to the full rules.
    return x[1] >= 4 && y[1] >= 4 ? null : Rule.DIFFERENT_NUMBERS;
  }

  /**
   * The rule for two whole numbers, decimals or fractions of whole numbers, one at least a
   * fraction; null for anything else, and where a decimal may be a rounded fraction.
   */
  public static Rule compareFractions(String a, String b) {
    long[] x = fraction(a);
    long[] y = x == null ? null : fraction(b);
    if (y == null) {
      return null;
    }
    boolean same = Math.multiplyHigh(x[0], y[1]) == Math.multiplyHigh(y[0], x[1]) && x[0] * y[1] == y[0] * x[1];
    return same ? Rule.SAME_NUMBER : x[2] + y[2] == 0 ? Rule.DIFFERENT_NUMBERS : null;
  }

  /** Numerator, positive denominator, 1 for a decimal; null when the text is no such number. */
  private static long[] fraction(String s) {
    if (s.isEmpty() || s.length() > 40) {
      return null;
    }
    char c = s.charAt(s.length() - 1);
    if (s.indexOf('\\') < 0 && s.indexOf('/') < 0) {
      long[] n = c == '}' ? null : read(s);
      return n == null || n[1] > 9 ? null : new long[] {n[0], (long) Math.pow(10, n[1]), n[1] > 0 ? 1 : 0};
    }
    boolean negative = s.charAt(0) == '-';
    int i = negative ? 1 : 0;
    long[] top;
    long[] bottom;
    int slash = s.indexOf('/');
    if (slash > 0) {
      top = whole(s, i, slash);
      bottom = whole(s, slash + 1, s.length());
    } else {
      int open = s.startsWith("\\frac{", i) ? i + 5
          : s.startsWith("\\dfrac{", i) || s.startsWith("\\tfrac{", i) ? i + 6 : -1;
      int close = open < 0 ? -1 : s.indexOf("}{", open);
      if (close < 0 || c != '}') {
        return null;
      }
      top = whole(s, open + 1, close);
      bottom = whole(s, close + 2, s.length() - 1);
    }
    if (top == null || bottom == null || bottom[0] <= 0) {
      return null;
    }
    return new long[] {negative ? -top[0] : top[0], bottom[0], 0};
  }

  /** A whole number of up to 15 digits with nothing else around it but spaces; null when it is none. */
  private static long[] whole(String s, int from, int to) {
    while (from < to && s.charAt(from) == ' ') {
      from++;
    }
    while (to > from && s.charAt(to - 1) == ' ') {
      to--;
    }
    boolean negative = from < to && s.charAt(from) == '-';
    int i = negative ? from + 1 : from;
    if (i >= to || to - i > 15) {
      return null;
    }
    long v = 0;
    for (; i < to; i++) {
      char c = s.charAt(i);
      if (c < '0' || c > '9') {
        return null;
      }
      v = 10 * v + (c - '0');
    }
    return new long[] {negative ? -v : v};
  }

  /**
   * Digits without trailing zeros after the point, and their number after the point; null when it is no plain number.
   */
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
