package dev.sphere.grade.extract;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Boxes around answers: {@code \boxed}, {@code \fbox}, {@code \framebox}. */
public final class Boxes {
  private static final String[] NAMES = {"\\boxed", "\\fbox", "\\framebox"};
  private static final Pattern JOIN =
      Pattern.compile("[\\s,;]*(?:for\\s+part\\s+\\(\\w\\)\\s+|[a-z]{3,}\\s+(?=and|or))?"
          + "(?:and|or)?[\\s,;]*(?:[a-zA-Z]\\w?(?:_\\w+)?\\s*=\\s*)?");

  private static final Pattern BRACKETED =
      Pattern.compile("(?<![A-Za-z\\\\])boxed\\s?[(\\[{]([^()\\[\\]{}\\n]{1,80})[)\\]}]");

  /** The inside of a box that is no answer but repeats a prompt's words ("within \\boxed{}", "\\boxed{answer}"). */
  private static final Pattern PLACEHOLDER =
      Pattern.compile("\\s*(?:\\\\text\\{\\s*)?(?:(?:the |your |final )*answer|\\.{3}|…|\\\\l?dots|\\?)?\\s*\\}?\\s*",
          Pattern.CASE_INSENSITIVE);

  private Boxes() {}

  /** How many closed boxes there are with something in them; {@code most} is enough to know. */
  static int count(String s, int most) {
    int n = 0;
    for (String b : NAMES) {
      for (int at = s.indexOf(b); at >= 0; at = s.indexOf(b, at + 1)) {
        int open = at + b.length();
        while (open < s.length() && s.charAt(open) == ' ') {
          open++;
        }
        int close = open < s.length() && s.charAt(open) == '{' ? closing(s, open) : -1;
        if (close > 0 && !PLACEHOLDER.matcher(s.substring(open + 1, close)).matches()) {
          n++;
          if (n == most) {
            return n;
          }
        }
      }
    }
    return n;
  }

  /** The inside of the last box with balanced braces; boxes joined by "and", "or" or commas count as one list. */
  static String last(String s) {
    String found = null;
    int end = s.length();
    for (int n = 0; n < 50; n++) {
      int at = -1;
      int length = 0;
      for (String b : NAMES) {
        int i = s.lastIndexOf(b, end - 1);
        if (i > at && end > 0) {
          at = i;
          length = b.length();
        }
      }
      if (at < 0) {
        return found != null ? found : bracketed(s);
      }
      int open = at + length;
      while (open < s.length() && s.charAt(open) == ' ') {
        open++;
      }
      int close = open < s.length() && s.charAt(open) == '{' ? closing(s, open) : -1;
      String inner = null;
      if (close > 0) {
        inner = s.substring(open + 1, close);
      } else if (open < s.length() && s.charAt(open) != '{' && open > at + length) {
        inner = s.substring(open).split("[\\s$]", 2)[0];
        close = open + inner.length() - 1;
      }
      if (inner != null && PLACEHOLDER.matcher(inner).matches()) {
        end = at;
        continue;
      }
      if (found == null) {
        found = inner;
      } else if (inner != null && joins(s, close + 1, end)) {
        found = inner + ", " + found;
      } else if (!(inner != null && close >= end)) {
        return found;
      }
      if (inner != null && close >= end) {
        // it encloses the box found before
        found = inner.length() < AnswerExtractor.MAX_ANSWER ? inner : found;
      }
      end = at;
    }
    return found;
  }

  /** The inside of the last "boxed(42)", written without LaTeX; null when there is none. */
  private static String bracketed(String s) {
    Matcher m = BRACKETED.matcher(s);
    String last = null;
    while (s.contains("boxed") && m.find()) {
      last = m.group(1);
    }
    return last;
  }

  /** True when nothing stands between two boxes but "and", "or", a comma, or the name of what comes. */
  private static boolean joins(String s, int from, int to) {
    if (to < from || to - from > 70) {
      return false;
    }
    String between = s.substring(from, to)
        .replaceAll("\\\\(?:text|mbox|textrm)\\b|\\\\q?quad\\b|\\\\[,;:! ()\\[\\]]|[{}$]", " ");
    return JOIN.matcher(between).matches();
  }

  /** Where the text after the last box begins; -1 when there is no box with balanced braces. */
  static int afterLast(String s) {
    int at = -1;
    for (String b : NAMES) {
      at = Math.max(at, s.lastIndexOf(b));
    }
    int open = at < 0 ? -1 : s.indexOf('{', at);
    int close = open < 0 ? -1 : closing(s, open);
    return close < 0 ? -1 : close + 1;
  }

  /** Index of the brace that closes the one at {@code open}; -1 when there is none. Escaped braces do not count. */
  public static int closing(String s, int open) {
    int depth = 0;
    for (int i = open; i < s.length(); i++) {
      char c = s.charAt(i);
      if (c == '\\') {
        i++;
      } else if (c == '{') {
        depth++;
      } else if (c == '}' && --depth == 0) {
        return i;
      }
    }
    return -1;
  }
}
