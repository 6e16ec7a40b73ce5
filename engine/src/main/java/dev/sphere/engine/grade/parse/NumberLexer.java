package dev.sphere.engine.grade.parse;

import dev.sphere.engine.grade.value.Rational;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads one literal number: thousands separators, decimals, repeating decimals, scientific notation. */
final class NumberLexer {
  private static final Pattern GROUP_COMMA = Pattern.compile("(?:,|\\{,\\})\\s?(?:\\\\!\\s?)?(\\d{3})(?!\\d)");
  private static final Pattern SURE_COMMA = Pattern.compile("(?:\\{,\\}\\s?|,\\s?\\\\!\\s?|\\\\!,\\s?)(\\d{3})(?!\\d)");
  private static final Pattern GROUP_SPACE = Pattern.compile("(?: |~|\\\\,|\\\\ |\\\\;)(\\d{3})(?!\\d)");
  private static final Pattern BAR = Pattern.compile("\\s?\\\\(?:overline|bar|dot)\\s?(?:\\{(\\d+)\\}|(\\d))");
  private static final Pattern PARENS = Pattern.compile("\\((\\d+)\\)");
  private static final Pattern DOTS = Pattern.compile("\\s?(?:\\.\\.\\.+|\\\\[lc]?dots[cb]?)");
  private static final Pattern SCIENTIFIC = Pattern.compile("[eE]([+-]?\\d{1,5})(?![\\d.])");

  /** The digits as read, with at most one point. */
  String digits;

  /** The exact value; null when the number is too long. */
  Rational value;

  int decimals = -1;
  int end;
  boolean sawComma;

  private final String s;
  private final boolean thousands;

  NumberLexer(String s, int from, boolean thousands) {
    this.s = s;
    this.end = from;
    this.thousands = thousands;
  }

  void read() {
    int from = end;
    skipDigits();
    StringBuilder all = new StringBuilder(s.substring(from, end));
    if (all.length() >= 1 && all.length() <= 3 && end < s.length() && ",{\\ ~".indexOf(s.charAt(end)) >= 0) {
      groups(all);
    }
    boolean fraction = end < s.length() && s.charAt(end) == '.' && !s.startsWith("..", end)
        && (all.isEmpty() || end + 1 >= s.length() || s.charAt(end + 1) != '\\' || BAR.matcher(s).region(end + 1,
            s.length()).lookingAt());
    if (fraction) {
      int point = end++;
      skipDigits();
      all.append(s, point, end);
    }
    digits = all.toString();
    if (fraction) {
      decimals = end - from > 0 ? digits.length() - digits.indexOf('.') - 1 : 0;
    }
    value = Rational.ofDecimal(digits.startsWith(".") ? "0" + digits : digits);
    if (value != null) {
      repeating(fraction);
      exponent();
    }
  }

  private void groups(StringBuilder all) {
    Matcher space = GROUP_SPACE.matcher(s);
    Matcher comma = GROUP_COMMA.matcher(s);
    Matcher sure = SURE_COMMA.matcher(s);
    boolean spaced = false;
    for (int n = 0; n < 1000; n++) {
      if (sure.region(end, s.length()).lookingAt()) {
        all.append(sure.group(1));
        end = sure.end();
      } else if (comma.region(end, s.length()).lookingAt() && s.charAt(end + 1) != ' ') {
        sawComma = true;
        if (!thousands) {
          return;
        }
        all.append(comma.group(1));
        end = comma.end();
      } else if ((n == 0 || spaced) && all.charAt(0) != '0' && space.region(end, s.length()).lookingAt()) {
        spaced = true;
        all.append(space.group(1));
        end = space.end();
      } else {
        return;
      }
    }
  }

  /** 0.\overline{3}, 0.1(6), 0.333...: the exact fraction. */
  private void repeating(boolean fraction) {
    if (!fraction || end >= s.length() || "\\( .\t".indexOf(s.charAt(end)) < 0) {
      return;
    }
    Matcher bar = BAR.matcher(s).region(end, s.length());
    Matcher parens = PARENS.matcher(s).region(end, s.length());
    String period = null;
    if (bar.lookingAt()) {
      period = bar.group(1) != null ? bar.group(1) : bar.group(2);
      end = bar.end();
    } else if (parens.lookingAt()) {
      period = parens.group(1);
      end = parens.end();
    } else {
      Matcher dots = DOTS.matcher(s).region(end, s.length());
      if (dots.lookingAt()) {
        end = dots.end();
        period = guessPeriod(digits.substring(digits.indexOf('.') + 1));
      }
    }
    if (period == null || period.length() > 200) {
      return;
    }
    // x = value + period / ((10^p - 1) 10^decimals)
    Rational ten = Rational.of(10);
    Rational unit = ten.pow(period.length()).minus(Rational.ONE).times(ten.pow(Math.max(decimals, 0)));
    value = value.plus(Rational.ofDecimal(period).dividedBy(unit));
    decimals = -1;
  }

  /** The shortest period that ends the digits: three times for one digit, twice for more; null when there is none. */
  private static String guessPeriod(String d) {
    for (int p = 1; p <= 12 && 2 * p <= d.length(); p++) {
      int times = p == 1 ? 3 : 2;
      String period = d.substring(d.length() - p);
      if (d.endsWith(period.repeat(times))) {
        return period;
      }
    }
    return null;
  }

  private void exponent() {
    if (end >= s.length() || s.charAt(end) != 'e' && s.charAt(end) != 'E') {
      return;
    }
    Matcher m = SCIENTIFIC.matcher(s).region(end, s.length());
    if (!m.lookingAt()) {
      return;
    }
    String e = m.group(1);
    boolean signed = e.startsWith("+") || e.startsWith("-");
    // "2e+3" may be Euler's number plus three; "2.5e+3" and "2e+03" are not.
    if (signed && decimals < 0 && s.charAt(end) == 'e' && e.length() < 3) {
      return;
    }
    Rational power = Rational.of(10).pow(Integer.parseInt(e));
    Rational scaled = power == null ? null : value.times(power);
    if (scaled != null) {
      value = scaled;
      decimals = Math.max(-1, decimals < 0 ? -1 : decimals - Integer.parseInt(e));
      end = m.end();
    }
  }

  private void skipDigits() {
    while (end < s.length() && s.charAt(end) >= '0' && s.charAt(end) <= '9') {
      end++;
    }
  }
}
