package dev.sphere.grade.extract;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The answer in a text that announces none: the last mathematics or number, or what follows the last "is". */
public final class Prose {
  /** Characters that are looked at, from the end of a text. */
  private static final int TAIL = 20_000;

  static final Pattern NUMBER =
      Pattern.compile("-?\\$?-?(?:\\d{1,3}(?:,\\d{3})+(?!\\d)|\\d{1,9},\\d{1,2}(?![\\d,.]\\d)(?!\\d)|\\d+)"
          + "(?:\\.\\d+)?(?:[eE][+-]?\\d{1,3}(?!\\w))?"
          + "(?:\\s?/\\s?\\d+(?!\\d|\\.\\d))?\\s?(?:\\\\?%)?|"
          + "-?\\$?\\.\\d+");
  private static final Pattern COPULA =
      Pattern.compile("(?:\\bis|\\bare|\\bequals|=|\\bget|\\bbe|\\bgives|:)\\s+(\\S.*)$");

  private static final Pattern SAYS =
      Pattern.compile("(?:\\bis|\\bare|\\bequals|\\bby|\\bto|\\bget|=)\\s+(?:about\\s+|exactly\\s+|only\\s+)?[$(*]*$");
  private static final Pattern TWO_WORDS = Pattern.compile("[a-z]{3,}\\s+[a-z]{2,}");
  private static final Pattern TEXT = Pattern.compile("\\\\text\\{[^}]*\\}");
  private static final String SCRIPT = "[\\p{L}\\p{M}&&[^\\p{IsLatin}\\p{IsGreek}\\p{IsCommon}\\p{IsInherited}]]";
  private static final Pattern FOREIGN = Pattern.compile(SCRIPT);
  private static final Pattern BETWEEN = Pattern.compile(SCRIPT + "+|[。，、；：！？]");

  private Prose() {}

  /** True for words in another script than Latin or Greek, such as Chinese, Arabic, Hindi, Russian. */
  static boolean foreign(String s) {
    for (int i = 0; i < s.length(); i++) {
      if (s.charAt(i) >= 0x400) {
        return FOREIGN.matcher(s).find();
      }
    }
    return false;
  }

  /** The last piece with a digit between the words of a text in another script; null when there is none. */
  private static String lastPiece(String s) {
    String[] pieces = BETWEEN.split(s);
    for (int i = pieces.length - 1; i >= 0; i--) {
      if (pieces[i].chars().anyMatch(c -> c >= '0' && c <= '9')) {
        return pieces[i].strip();
      }
    }
    return null;
  }

  /** The last delimited mathematics or number; of a text without either what follows the last "is". */
  public static AnswerExtractor.Extracted last(String t) {
    String tail = t.length() > TAIL ? t.substring(t.length() - TAIL) : t;
    String piece = foreign(tail) ? lastPiece(tail) : null;
    if (piece != null) {
      return AnswerExtractor.isBare(piece) && piece.indexOf('*') < 0 && piece.indexOf('=') < 0
          ? new AnswerExtractor.Extracted(piece, AnswerExtractor.Form.MATH) : last(piece);
    }
    String[] pieces = {lastBetween(tail, "$", "$"), lastBetween(tail, "\\(", "\\)"), lastBetween(tail, "\\[", "\\]")};
    String math = null;
    int at = -1;
    for (String p : pieces) {
      int i = p == null ? -1 : tail.lastIndexOf(p);
      if (i > at && p.length() < AnswerExtractor.MAX_ANSWER) {
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
      return new AnswerExtractor.Extracted(math.strip(), AnswerExtractor.Form.MATH);
    }
    int command = tail.lastIndexOf("\\frac");
    command = Math.max(command, tail.lastIndexOf("\\sqrt"));
    if (command >= 0 && last != null && lastAt - command < 40 && bareMath(tail, command) != null) {
      return new AnswerExtractor.Extracted(bareMath(tail, command), AnswerExtractor.Form.MATH);
    }
    if (last != null) {
      return new AnswerExtractor.Extracted(last.strip(), AnswerExtractor.Form.NUMBER);
    }
    String line = tail.substring(tail.lastIndexOf('\n') + 1);
    m = COPULA.matcher(line.length() > 400 ? line.substring(line.length() - 400) : line);
    return m.find() ? new AnswerExtractor.Extracted(m.group(1), AnswerExtractor.Form.SENTENCE)
        : new AnswerExtractor.Extracted(t.length() < 400 ? t : "", AnswerExtractor.Form.PROSE);
  }

  /** True when a number after the last mathematics is what a sentence ends in: "the volume of $V$ is 120". */
  private static boolean saysValue(String s, int mathEnd, int numberAt) {
    String between = s.substring(mathEnd, numberAt);
    return SAYS.matcher(between).find();
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

  static String sentence(String line) {
    for (int i = line.indexOf(". "); i >= 0; i = line.indexOf(". ", i + 1)) {
      boolean abbreviation = i >= 2 && line.charAt(i - 2) == '.' || line.startsWith(". m", i)
          || i >= 3 && line.substring(i - 3, i).matches("(?i).?sq|oct|jan|feb");
      if (!abbreviation) {
        return line.substring(0, i);
      }
    }
    return line;
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
    boolean prose = TWO_WORDS.matcher(TEXT.matcher(inner).replaceAll("")).find();
    return inner.isBlank() || prose ? null : inner;
  }
}
