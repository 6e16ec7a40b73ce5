package dev.sphere.grade.extract;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Finds the final answer in a text: the last box with something in it, else what follows the last {@code ####} where
 * that is an answer and no heading, else what follows the last "the answer is" or {@code A:}, else the whole text where
 * it is short and no prose, else the last mathematics or number in it. Of a long text only the end is read.
 */
public final class AnswerExtractor {
  /** Characters of a text that are looked at, from its end. */
  static final int MAX_TEXT = 200_000;

  /** Longest answer that is read as mathematics. */
  public static final int MAX_ANSWER = 8_000;

  private static final Pattern MARKER =
      Pattern.compile(
          "(?:final\\s+answer|the\\s+(?:correct\\s+)?answer|answer)(?:\\s+to\\s+[^.:=\\n]{1,60}?)?\\s*"
              + "(?:(?:is|are|=|would\\s+be|should\\s+be|must\\s+be)\\s*:?|:)\\s*(?:(?:is|are)\\b\\s*)?"
              + "|answer\\s+(?=\\$|\\\\[(\\[])|^\\s*A:(?=[\\s\\d$\\\\.-])\\s*"
              + "|(?:答案|答え|réponse|respuesta|antwort|risposta|resposta|ответ|الإجابة|الجواب|उत्तर|जवाब)"
              + "\\s*(?:是|为|為|は|est|es|ist|è|é|هي|هو|है|[:：])\\s*[:：]?\\s*",
          Pattern.CASE_INSENSITIVE | Pattern.MULTILINE);

  private static final Pattern REASON = Pattern.compile("[\\s,]+(?:because|since|so that)\\b.*$", Pattern.DOTALL);

  private static final Pattern CONNECTIVE =
      Pattern.compile("\\b(?:therefore|thus|hence|then|because|first|finally|gives|gets?)\\b",
          Pattern.CASE_INSENSITIVE);
  private static final Pattern SENTENCE =
      Pattern.compile("\\b(?:is|are|so|thus|we|it|get|be|has|have|equals|total|therefore|hence)\\b",
          Pattern.CASE_INSENSITIVE);
  private static final Pattern TEXT =
      Pattern.compile("\\\\(?:text|mbox|textbf|textrm|mathrm|textit|operatorname|begin|end)\\s?\\{[^{}]*\\}");
  private static final Pattern COMMAND = Pattern.compile("\\\\[a-zA-Z]+");
  private static final Pattern WORD = Pattern.compile("[A-Za-z']{2,}");
  private static final Pattern COPULA_WORD = Pattern.compile("\\b(?:is|are|equals|be)\\b");
  private static final Pattern HASHES = Pattern.compile("(?<!#)####(?!#)[ \\t]*(\\S[^\\n]*)");
  /** "Step 1: ...", "2. Find x", "b) then": what Markdown headings say. */
  private static final Pattern HEADING =
      Pattern.compile("(?:\\*\\*)?"
          + "(?:(?:step|part|case|problem|question|solution|explanation|section|example|method)\\b.*"
          + "|(?:\\d{1,3}|[A-Za-z])[.)]\\s+\\S.*|.*:(?:\\*\\*)?)", Pattern.CASE_INSENSITIVE);
  private static final Pattern ANNOUNCED = Pattern.compile("final\\s+answer\\s*(?:is|:)", Pattern.CASE_INSENSITIVE);

  private AnswerExtractor() {}

  /** An operator after a number, or after its unit: the number begins a calculation. */
  private static final Pattern OPERATOR =
      Pattern.compile("\\s*(?:\\p{L}{1,12}\\s+){0,2}(?:[-+*/\u00d7\u00f7\u2212]|x\\s|\\\\times)");

  /**
   * How a text gave its answer away. A stated answer is one that the text itself calls its answer; the rest is a guess.
   */
  public enum Form {
    /** In a box. */
    BOX(true),
    /** After {@code ####}, as GSM8K writes it. */
    HASHES(true),
    /** After "the answer is" or its like. */
    MARKER(true),
    /** The whole text is the answer. */
    WHOLE(true),
    /** The last line is the answer alone. */
    LINE(true),
    /** The last mathematics between dollar signs or the like. */
    MATH(false),
    /** The last number. */
    NUMBER(false),
    /** The text after the last "is". */
    SENTENCE(false),
    /** A short text as it stands. */
    PROSE(false),
    /** There is none. */
    NOTHING(false);

    private final boolean stated;

    Form(boolean stated) {
      this.stated = stated;
    }

    /** True for what the text itself calls its answer. */
    public boolean stated() {
      return stated;
    }

    /** The name in files: lower case. */
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * An answer that was found.
   *
   * @param answer its text; empty when there is none
   * @param form how the text gave it away
   */
  public record Extracted(String answer, Form form) {}

  /** Finds the final answer of a text. */
  public static Extracted extract(String text) {
    if (text.length() < 80 && AnswerText.isFormula(text)) {
      return new Extracted(text.strip(), Form.WHOLE);
    }
    String s = text.length() > MAX_TEXT ? text.substring(text.length() - MAX_TEXT) : text;
    String box = Boxes.last(s);
    if (box != null) {
      String after = announcedAfterBox(s);
      return after != null ? new Extracted(after, Form.MARKER) : new Extracted(box, Form.BOX);
    }
    String hashes = afterHashes(s);
    if (hashes != null) {
      return new Extracted(hashes, Form.HASHES);
    }
    String marked = lastMarked(s);
    if (marked != null) {
      return new Extracted(marked, Form.MARKER);
    }
    String t = s.strip();
    if (t.isEmpty()) {
      return new Extracted("", Form.NOTHING);
    }
    if (isBare(t) && t.charAt(0) != '#') {
      return new Extracted(t, Form.WHOLE);
    }
    Extracted last = Prose.last(t);
    String line = t.substring(t.lastIndexOf('\n') + 1);
    boolean alone = !last.answer().isEmpty() && isValue(line) && line.contains(last.answer());
    return alone ? new Extracted(last.answer(), Form.LINE) : last;
  }

  /**
   * True when a text states a final answer so plainly that it may end there: a closed box with something in it, or
   * {@code ####} with a value after it. A Markdown heading ({@code #### Step 1}) states nothing.
   */
  public static boolean states(String text) {
    return Boxes.count(text, 1) > 0 || valueAfterHashes(text);
  }

  /** True when a text states more than one answer: what it quotes and one of its own, or the same again and again. */
  public static boolean statesMore(String text) {
    int boxes = Boxes.count(text, 2);
    return boxes > 1 || boxes == 1 && valueAfterHashes(text);
  }

  /** True when a line begins with {@code ####} and a value follows, as GSM8K ends its solutions. */
  public static boolean valueAfterHashes(String text) {
    return text.contains("####") && HASHES.matcher(text).results()
        .anyMatch(m -> text.substring(text.lastIndexOf('\n', m.start()) + 1, m.start()).isBlank()
            && isValue(m.group(1)));
  }

  /**
   * The answer after the last {@code ####} that has one; words count only where nothing follows. Null when there is
   * none.
   */
  private static String afterHashes(String s) {
    String found = null;
    Matcher m = HASHES.matcher(s);
    while (s.contains("####") && m.find()) {
      String line = m.group(1).strip();
      boolean last = s.substring(m.end()).isBlank();
      if (isValue(line) || last && !HEADING.matcher(line).matches()) {
        found = line;
      }
    }
    return found;
  }

  /** True for a line that is a value, with a unit perhaps, and no heading or sentence. */
  private static boolean isValue(String line) {
    String l = line.replace("**", "").strip();
    if (l.isEmpty() || l.endsWith(":") || HEADING.matcher(l).matches()) {
      return false;
    }
    char c = l.charAt(0);
    boolean word = Character.isLetter(c) && l.length() > 1 && Character.isLetter(l.charAt(1));
    return !word && (Character.isLetterOrDigit(c) || "-+.([{$\\£€√π∞−".indexOf(c) >= 0) && isBare(l);
  }

  /** The text after "the final answer is", where it follows the last box; null when it does not. */
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
    if (m.lookingAt() && OPERATOR.matcher(line).region(m.end(), line.length()).lookingAt()
        && line.indexOf('=', m.end()) > 0) {
      // It begins a calculation: "the answer is 49 + 1 = 50 pages in 7 days" says 50.
      Matcher result = Prose.NUMBER.matcher(line).region(line.lastIndexOf('=') + 1, line.length());
      return result.find() ? result.group().strip() : otherwise;
    }
    m.reset();
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
    noText = Phrases.FUNCTION.matcher(noText).replaceAll(" ");
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
