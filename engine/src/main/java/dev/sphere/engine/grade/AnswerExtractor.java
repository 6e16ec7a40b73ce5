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

  private static final Pattern MARKER =
      Pattern.compile(
          "(?:final\\s+answer|the\\s+(?:correct\\s+)?answer|answer)(?:\\s+to\\s+[^.:=\\n]{1,60}?)?\\s*"
              + "(?:(?:is|are|=|would\\s+be|should\\s+be|must\\s+be)\\s*:?|:)\\s*(?:(?:is|are)\\b\\s*)?|answer\\s+(?=\\$|\\\\[(\\[])|^\\s*A:(?=[\\s\\d$\\\\.-])\\s*"
              + "|(?:答案|答え|réponse|respuesta|antwort|risposta|resposta|ответ|الإجابة|الجواب|उत्तर|जवाब)"
              + "\\s*(?:是|为|為|は|est|es|ist|è|é|هي|هو|है|[:：])\\s*[:：]?\\s*",
          Pattern.CASE_INSENSITIVE | Pattern.MULTILINE);

  /** Words that are mathematics, not prose. */
  static final Pattern FUNCTION =
      Pattern.compile("(?<![A-Za-z])(?:arc|a)?(?:sin|cos|tan|cot|sec|csc)h?(?![A-Za-z])|(?<![A-Za-z])(?:sqrt|cbrt|log|ln|lg|exp"
          + "|abs|pi|frac|binom|binomial|floor|ceil|min|max|gcd|lcm|theta|alpha|beta|gamma|lambda|infinity|inf|oo)(?![A-Za-z])");
  private static final Pattern REASON = Pattern.compile("[\\s,]+(?:because|since|so that)\\b.*$", Pattern.DOTALL);

  private static final Pattern CONNECTIVE =
      Pattern.compile("\\b(?:therefore|thus|hence|then|because|first|finally|gives|gets?)\\b", Pattern.CASE_INSENSITIVE);
  private static final Pattern SENTENCE =
      Pattern.compile("\\b(?:is|are|so|thus|we|it|get|be|has|have|equals|total|therefore|hence)\\b", Pattern.CASE_INSENSITIVE);
  private static final Pattern TEXT =
      Pattern.compile("\\\\(?:text|mbox|textbf|textrm|mathrm|textit|operatorname|begin|end)\\s?\\{[^{}]*\\}");
  private static final Pattern COMMAND = Pattern.compile("\\\\[a-zA-Z]+");
  private static final Pattern WORD = Pattern.compile("[A-Za-z']{2,}");
  private static final Pattern COPULA_WORD = Pattern.compile("\\b(?:is|are|equals|be)\\b");
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
    if (text.length() < 80 && Surface.isFormula(text)) {
      return new Extracted(text.strip(), "whole");
    }
    String s = text.length() > MAX_TEXT ? text.substring(text.length() - MAX_TEXT) : text;
    String box = Boxes.last(s);
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
    return Prose.last(t);
  }

  /** What "the final answer is" announces after the last box; null when nothing does. */
  private static String announcedAfterBox(String s) {
    int after = Boxes.afterLast(s);
    if (after < 0 || !ANNOUNCED.matcher(s).region(after, s.length()).find()) {
      return null;
    }
    String marked = lastMarked(s.substring(after));
    return marked != null && (isBare(marked) || marked.indexOf('\\') >= 0) ? marked : null;
  }

  private static String firstLine(String s) {
    String t = s.stripLeading();
    int nl = t.indexOf('\n');
    return nl < 0 ? t : t.substring(0, nl);
  }

  /** False where no marker can stand, which is cheaper to see than by the pattern. */
  private static boolean mayAnnounce(String s) {
    boolean ascii = true;
    for (int i = 0; i < s.length() && ascii; i++) {
      ascii = s.charAt(i) < 128;
    }
    return !ascii || s.contains("nswer") || s.contains("NSWER") || s.contains("A:") || s.contains("a:")
        || s.contains("spuesta") || s.contains("ntwort") || s.contains("isposta") || s.contains("esposta");
  }

  private static String lastMarked(String s) {
    // The marker stands near the end; the pattern never looks at more than this.
    String tail = s.length() > 20_000 ? s.substring(s.length() - 20_000) : s;
    Matcher m = MARKER.matcher(tail);
    int at = -1;
    while (mayAnnounce(tail) && m.find()) {
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
    String line = REASON.matcher(Prose.sentence(firstLine(rest))).replaceFirst("");
    if (line.isBlank() || isBare(line)) {
      return line.isBlank() ? null : line;
    }
    Extracted e = Prose.last(line);
    return e.answer().isEmpty() ? line : Prose.foreign(line) ? e.answer() : firstInProse(line, e.answer());
  }

  /** After "the answer is" a number that comes at once counts: "the answer is 5 because 2 + 3 = 5". */
  private static String firstInProse(String line, String otherwise) {
    if (line.indexOf('$') >= 0 && line.indexOf('$') < line.lastIndexOf('$')) {
      return otherwise;
    }
    Matcher m = Prose.NUMBER.matcher(line);
    boolean sentence = COPULA_WORD.matcher(line).find();
    return m.find() && (m.start() == 0 || !sentence) ? m.group().strip() : otherwise;
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
  static boolean isBare(String text) {
    // A long matrix or list shows at its beginning that it is no prose; its last entry must not stand for it.
    String t = text.length() > 4000 ? text.substring(0, 4000) : text;
    String noText = COMMAND.matcher(TEXT.matcher(t).replaceAll(" ")).replaceAll(" ");
    if (Prose.foreign(noText)) {
      return false;
    }
    noText = FUNCTION.matcher(noText).replaceAll(" ");
    Matcher m = WORD.matcher(noText);
    int words = 0;
    while (m.find()) {
      words++;
    }
    if (words > 0 && CONNECTIVE.matcher(noText).find()) {
      return false;
    }
    boolean digits = noText.chars().anyMatch(Character::isDigit) || noText.length() < t.length() && t.indexOf('$') >= 0;
    if (digits && words >= 3 && Character.isLetter(t.charAt(0)) && t.length() > 1 && Character.isLetter(t.charAt(1))) {
      return false;
    }
    return words <= 2 || words <= 6 && !digits && t.indexOf('\n') < 0 && t.length() < 80
        || words <= 4 && !SENTENCE.matcher(noText).find();
  }

}
