package dev.sphere.grade.compare;

import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Times of day and dates, which look like ratios and products but are neither. */
public final class TimesAndDates {
  private static final Pattern TIME =
      Pattern.compile("(\\d{1,2})(?::([0-5]\\d))?(?::([0-5]\\d))?\\s*(?:([ap])\\.?\\s?m\\.?)?(?:\\s*o'clock)?");
  private static final List<String> MONTHS =
      List.of("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec");
  private static final Pattern MONTH_FIRST =
      Pattern.compile("([a-z]{3,9})\\.?\\s+(\\d{1,2})(?:st|nd|rd|th)?(?:,?\\s+(\\d{4}))?");
  private static final Pattern DAY_FIRST =
      Pattern.compile("(\\d{1,2})(?:st|nd|rd|th)?(?:\\s+of)?\\s+([a-z]{3,9})\\.?(?:,?\\s+(\\d{4}))?");

  private static final Pattern TEXT = Pattern.compile("\\\\(?:text|mbox|mathrm|textrm|textbf)\\b");
  private static final Pattern LOOK = Pattern.compile("\\\\[,;:! ]|[{}~$]");
  private static final Pattern COLON = Pattern.compile("\\s*:\\s*");
  private static final Pattern SPACES = Pattern.compile("\\s+");

  private TimesAndDates() {}

  /** A time of day; half is 'a', 'p', or 0 where the text has neither. */
  private record Time(int hour, int minute, int second, char half, boolean clear) {}

  private record Date(int month, int day, String year) {}

  /** Null when they are not both times or both dates, else whether they are the same. */
  public static Boolean same(String gold, String pred) {
    if (gold.length() > 60 || pred.length() > 60) {
      return null;
    }
    String g = plain(gold);
    String p = plain(pred);
    Time a = time(g);
    Time b = time(p);
    if (a != null && b != null && (a.clear() || b.clear())) {
      return sameTime(a, b);
    }
    Date c = date(g);
    Date d = date(p);
    if (c != null && d != null) {
      return c.month() == d.month() && c.day() == d.day()
          && (c.year() == null || d.year() == null || c.year().equals(d.year()));
    }
    return null;
  }

  private static String plain(String s) {
    String t = LOOK.matcher(TEXT.matcher(s).replaceAll(" ")).replaceAll(" ").toLowerCase(Locale.ROOT);
    return SPACES.matcher(COLON.matcher(t).replaceAll(":")).replaceAll(" ").strip();
  }

  private static Time time(String s) {
    Matcher m = TIME.matcher(s);
    boolean clear = s.indexOf(':') > 0 || s.endsWith("m") || s.endsWith("m.") || s.endsWith("clock");
    if (s.isEmpty() || !Character.isDigit(s.charAt(0)) || !clear || !m.matches()) {
      return null;
    }
    int hour = Integer.parseInt(m.group(1));
    int minute = m.group(2) == null ? 0 : Integer.parseInt(m.group(2));
    int second = m.group(3) == null ? 0 : Integer.parseInt(m.group(3));
    char half = m.group(4) == null ? 0 : m.group(4).charAt(0);
    return hour > 24 ? null : new Time(hour, minute, second, half, half != 0 || m.group(1).startsWith("0")
        || m.group(2) != null && m.group(3) != null || s.endsWith("clock"));
  }

  private static boolean sameTime(Time a, Time b) {
    if (a.minute() != b.minute() || a.second() != b.second()) {
      return false;
    }
    if (a.half() != 0 && b.half() != 0 || a.hour() > 12 || b.hour() > 12) {
      return hour24(a) == hour24(b);
    }
    return a.hour() % 12 == b.hour() % 12;
  }

  private static int hour24(Time t) {
    return t.half() == 0 ? t.hour() : t.hour() % 12 + (t.half() == 'p' ? 12 : 0);
  }

  private static Date date(String s) {
    Matcher m = MONTH_FIRST.matcher(s);
    if (m.matches()) {
      return date(m.group(1), m.group(2), m.group(3));
    }
    m = DAY_FIRST.matcher(s);
    return m.matches() ? date(m.group(2), m.group(1), m.group(3)) : null;
  }

  private static Date date(String month, String day, String year) {
    int m = MONTHS.indexOf(month.substring(0, 3));
    boolean real = m >= 0 && ("january february march april may june july august september october november december "
        + "sept jan feb mar apr jun jul aug sep oct nov dec ").contains(month + " ");
    int d = Integer.parseInt(day);
    return real && d >= 1 && d <= 31 ? new Date(m, d, year) : null;
  }
}
