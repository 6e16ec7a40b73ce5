package dev.sphere.engine.grade;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Finds the final answer in a text: the last box, else what follows the last {@code ####}, else what follows the last
 * "the answer is" or {@code A:}, else the whole text where it is short and no prose, else the last mathematics or number in
 * it. Of a long text only the end is read.
 */
public final class AnswerExtractor {
  /** Characters of a text that are looked at, from its end. */
  static final int MAX_TEXT = 200_000;

  /** Longest answer that is read as mathematics. */
  static final int MAX_ANSWER = 8_000;

  private static final String[] BOXES = {"\\boxed", "\\fbox", "\\framebox"};
  private static final Pattern MARKER =
      Pattern.compile(
          "(?:final\\s+answer|the\\s+(?:correct\\s+)?answer|answer)(?:\\s+to\\s+[^.:=\\n]{1,60}?)?\\s*"
              + "(?:(?:is|are|=|would\\s+be|should\\s+be|must\\s+be)\\s*:?|:)\\s*(?:(?:is|are)\\b\\s*)?|answer\\s+(?=\\$|\\\\[(\\[])|^\\s*A:(?=[\\s\\d$\\\\.-])\\s*",
          Pattern.CASE_INSENSITIVE | Pattern.MULTILINE);
  private static final Pattern NUMBER =
      Pattern.compile("-?\\$?-?(?:\\d{1,3}(?:,\\d{3})+(?!\\d)|\\d+)(?:\\.\\d+)?(?:\\s?/\\s?\\d+(?!\\d|\\.\\d))?\\s?(?:\\\\?%)?|"
          + "-?\\$?\\.\\d+");
  private static final Pattern COPULA =
      Pattern.compile("(?:\\bis|\\bare|\\bequals|=|\\bget|\\bbe|\\bgives|:)\\s+(\\S.*)$");

  /** Words that are mathematics, not prose. */
  static final Pattern FUNCTION =
      Pattern.compile("(?<![A-Za-z])(?:arc|a)?(?:sin|cos|tan|cot|sec|csc)h?(?![A-Za-z])|(?<![A-Za-z])(?:sqrt|cbrt|log|ln|lg|exp"
          + "|abs|pi|frac|binom|binomial|floor|ceil|min|max|gcd|lcm|theta|alpha|beta|gamma|lambda|infinity|inf|oo)(?![A-Za-z])");
  private static final Pattern REASON = Pattern.compile("[\\s,]+(?:because|since|so that)\\b.*$", Pattern.DOTALL);

  private static final Pattern COPULA_WORD = Pattern.compile("\\b(?:is|are|equals|be)\\b");
  private static final Pattern JOIN =
      Pattern.compile("[\\s,;]*(?:for\\s+part\\s+\\(\\w\\)\\s+|[a-z]{3,}\\s+(?=and|or))?(?:and|or)?[\\s,;]*(?:[a-zA-Z]\\w?(?:_\\w+)?\\s*=\\s*)?");
  private static final Pattern ANNOUNCED = Pattern.compile("final\\s+answer\\s*(?:is|:)", Pattern.CASE_INSENSITIVE);

  private AnswerExtractor() {}

  /**
   * An answer that was found.
   *
   * @param answer its text; empty when there is none
   * @param how what gave it away: box, ####, marker, whole, math, number, nothing
   */
  public record Extracted(String answer, String how) {}

  /** Finds the final answer of a text. */
  public static Extracted extract(String text) {
    String s = text.length() > MAX_TEXT ? text.substring(text.length() - MAX_TEXT) : text;
    String box = lastBox(s);
    if (box != null) {
      String after = announcedAfterBox(s);
      return after != null ? new Extracted(after, "marker") : new Extracted(box, "box");
    }
    int hashes = s.lastIndexOf("####");
    if (hashes >= 0) {
      String line = firstLine(s.substring(hashes + 4));
      if (!line.isBlank()) {
        return new Extracted(line.strip(), "####");
      }
    }
    String marked = lastMarked(s);
    if (marked != null) {
      return new Extracted(marked, "marker");
    }
    String t = s.strip();
    if (t.isEmpty()) {
      return new Extracted("", "nothing");
    }
    if (isBare(t)) {
      return new Extracted(t, "whole");
    }
    return lastInProse(t);
  }

  /** The inside of the last box with balanced braces; boxes joined by "and", "or" or commas count as one list. */
  private static String lastBox(String s) {
    String found = null;
    int end = s.length();
    for (int n = 0; n < 50; n++) {
      int at = -1;
      int length = 0;
      for (String b : BOXES) {
        int i = s.lastIndexOf(b, end - 1);
        if (i > at && end > 0) {
          at = i;
          length = b.length();
        }
      }
      if (at < 0) {
        return found;
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
      if (found == null) {
        found = inner;
      } else if (inner != null && joins(s, close + 1, end)) {
        found = inner + ", " + found;
      } else if (!(inner != null && close >= end)) {
        return found;
      }
      if (inner != null && close >= end) {
        // it encloses the box found before
        found = inner.length() < MAX_ANSWER ? inner : found;
      }
      end = at;
    }
    return found;
  }

  /** True when nothing stands between two boxes but "and", "or", a comma, or the name of what comes. */
  private static boolean joins(String s, int from, int to) {
    if (to < from || to - from > 70) {
      return false;
    }
    String between = s.substring(from, to).replaceAll("\\\\(?:text|mbox|textrm)\\b|\\\\q?quad\\b|\\\\[,;:! ()\\[\\]]|[{}$]", " ");
    return JOIN.matcher(between).matches();
  }

  /** What "the final answer is" announces after the last box; null when nothing does. */
  private static String announcedAfterBox(String s) {
    int at = -1;
    for (String b : BOXES) {
      at = Math.max(at, s.lastIndexOf(b));
    }
    int open = s.indexOf('{', at);
    int close = open < 0 ? -1 : closing(s, open);
    if (close < 0 || !ANNOUNCED.matcher(s).region(close, s.length()).find()) {
      return null;
    }
    String marked = lastMarked(s.substring(close + 1));
    return marked != null && (isBare(marked) || marked.indexOf('\\') >= 0) ? marked : null;
  }

  /** Index of the brace that closes the one at {@code open}; -1 when there is none. Escaped braces do not count. */
  static int closing(String s, int open) {
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

  private static String firstLine(String s) {
    String t = s.stripLeading();
    int nl = t.indexOf('\n');
    return nl < 0 ? t : t.substring(0, nl);
  }

  private static String lastMarked(String s) {
    // The marker stands near the end; the pattern never looks at more than this.
    String tail = s.length() > 20_000 ? s.substring(s.length() - 20_000) : s;
    Matcher m = MARKER.matcher(tail);
    int at = -1;
    while (m.find()) {
      if (!tail.substring(m.end()).isBlank()) {
        at = m.end();
      }
    }
    if (at < 0) {
      return null;
    }
    String rest = tail.substring(at).strip();
    if (rest.startsWith("$$") || rest.startsWith("\\[") || rest.startsWith("\\(") || rest.startsWith("$")) {
      String inside = delimited(rest);
      if (inside != null) {
        return inside;
      }
    }
    String line = REASON.matcher(sentence(firstLine(rest))).replaceFirst("");
    if (line.isBlank() || isBare(line)) {
      return line.isBlank() ? null : line;
    }
    Extracted e = lastInProse(line);
    return e.answer().isEmpty() ? line : firstInProse(line, e.answer());
  }

  /** After "the answer is" a number that comes at once counts: "the answer is 5 because 2 + 3 = 5". */
  private static String firstInProse(String line, String otherwise) {
    if (line.indexOf('$') >= 0 && line.indexOf('$') < line.lastIndexOf('$')) {
      return otherwise;
    }
    Matcher m = NUMBER.matcher(line);
    boolean sentence = COPULA_WORD.matcher(line).find();
    return m.find() && (m.start() == 0 || !sentence) ? m.group().strip() : otherwise;
  }

  private static String sentence(String line) {
    for (int i = line.indexOf(". "); i >= 0; i = line.indexOf(". ", i + 1)) {
      boolean abbreviation = i >= 2 && line.charAt(i - 2) == '.' || line.startsWith(". m", i)
          || i >= 3 && line.substring(i - 3, i).matches("(?i).?sq|oct|jan|feb");
      if (!abbreviation) {
        return line.substring(0, i);
      }
    }
    return line;
  }

  /** The first delimited piece of mathematics, when nothing but a unit or another piece follows it. */
  private static String delimited(String s) {
    String open = s.startsWith("$$") ? "$$" : s.startsWith("$") ? "$" : s.substring(0, 2);
    String close = open.equals("\\[") ? "\\]" : open.equals("\\(") ? "\\)" : open;
    int end = s.indexOf(close, open.length());
    if (end < 0) {
      return null;
    }
    String rest = firstLine(s.substring(end + close.length()));
    boolean list = rest.matches("\\s*(?:,|and|or|\\$|:).*") && rest.indexOf('$') >= 0;
    return list ? null : s.substring(open.length(), end).strip();
  }

  /** True for an answer that stands alone: one line, short, and no sentence. */
  static boolean isBare(String t) {
    if (t.length() > 4000) {
      return false;
    }
    String noText = t.replaceAll("\\\\(?:text|mbox|textbf|textrm|mathrm|textit|operatorname|begin|end)\\s?\\{[^{}]*\\}", " ")
        .replaceAll("\\\\[a-zA-Z]+", " ");
    noText = FUNCTION.matcher(noText).replaceAll(" ");
    Matcher m = Pattern.compile("[A-Za-z']{2,}").matcher(noText);
    int words = 0;
    while (m.find()) {
      words++;
    }
    boolean digits = noText.chars().anyMatch(Character::isDigit) || noText.length() < t.length() && t.indexOf('$') >= 0;
    if (digits && words >= 3 && Character.isLetter(t.charAt(0)) && t.length() > 1 && Character.isLetter(t.charAt(1))) {
      return false;
    }
    return words <= 2 || words <= 6 && !digits && t.indexOf('\n') < 0 && t.length() < 80
        || words <= 4 && !Pattern.compile("\\b(?:is|are|so|thus|we|it|get|be|has|have|equals|total|therefore|hence)\\b",
            Pattern.CASE_INSENSITIVE).matcher(noText).find();
  }

  /** The last delimited mathematics or number; of a text without either what follows the last "is". */
  private static Extracted lastInProse(String t) {
    String tail = t.length() > 20_000 ? t.substring(t.length() - 20_000) : t;
    String[] pieces = {lastBetween(tail, "$", "$"), lastBetween(tail, "\\(", "\\)"), lastBetween(tail, "\\[", "\\]")};
    String math = null;
    int at = -1;
    for (String p : pieces) {
      int i = p == null ? -1 : tail.lastIndexOf(p);
      if (i > at && p.length() < MAX_ANSWER) {
        math = p;
        at = i;
      }
    }
    Matcher m = NUMBER.matcher(tail);
    String last = null;
    int lastAt = -1;
    while (m.find()) {
      last = m.group();
      lastAt = m.start();
    }
    boolean later = math != null && lastAt > at + math.length() && saysValue(tail, at + math.length(), lastAt);
    if (math != null && !later) {
      return new Extracted(math.strip(), "math");
    }
    int command = tail.lastIndexOf("\\frac");
    command = Math.max(command, tail.lastIndexOf("\\sqrt"));
    if (command >= 0 && last != null && lastAt - command < 40 && bareMath(tail, command) != null) {
      return new Extracted(bareMath(tail, command), "math");
    }
    if (last != null) {
      return new Extracted(last.strip(), "number");
    }
    String line = tail.substring(tail.lastIndexOf('\n') + 1);
    m = COPULA.matcher(line.length() > 400 ? line.substring(line.length() - 400) : line);
    return m.find() ? new Extracted(m.group(1), "marker") : new Extracted(t.length() < 400 ? t : "", "whole");
  }

  /** True when a number after the last mathematics is what a sentence ends in: "the volume of $V$ is 120". */
  private static boolean saysValue(String s, int mathEnd, int numberAt) {
    String between = s.substring(mathEnd, numberAt);
    return Pattern.compile("(?:\\bis|\\bare|\\bequals|\\bby|\\bto|\\bget|=)\\s+(?:about\\s+|exactly\\s+|only\\s+)?[$(*]*$")
        .matcher(between).find();
  }

  /** LaTeX in prose without delimiters: from the last space-separated word before the command to the sentence's end. */
  private static String bareMath(String s, int command) {
    String line = s.substring(s.lastIndexOf('\n', command) + 1);
    Matcher word = Pattern.compile("(?:^|[\\s:])[A-Za-z]{2,}[\\s:]+(?=[^A-Za-z]|[a-z]\\s*=|\\\\)").matcher(line);
    int start = 0;
    int limit = command - (s.length() - line.length());
    while (word.find() && word.end() <= limit) {
      start = word.end();
    }
    String rest = sentence(line.substring(Math.min(start, line.length()))).strip();
    return rest.isEmpty() || rest.length() > 300 ? null : rest;
  }

  private static String lastBetween(String s, String open, String close) {
    int end = s.lastIndexOf(close);
    while (end > 0 && open.equals("$") && s.charAt(end - 1) == '\\') {
      end = s.lastIndexOf(close, end - 1);
    }
    if (end <= 0) {
      return null;
    }
    int start = s.lastIndexOf(open, end - 1);
    if (start < 0) {
      return null;
    }
    if (open.equals("$") && start == end - 1) {
      // $$ ... $$
      int begin = s.lastIndexOf("$$", start - 1);
      return begin < 0 ? null : s.substring(begin + 2, start);
    }
    String inner = s.substring(start + open.length(), end);
    boolean prose = Pattern.compile("[a-z]{3,}\\s+[a-z]{2,}").matcher(inner.replaceAll("\\\\text\\{[^}]*\\}", "")).find();
    return inner.isBlank() || prose ? null : inner;
  }
}
