package dev.sphere.grade.extract;

import java.text.Normalizer;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An answer's text before it is read as mathematics: mended, cleaned of what carries no meaning, or bare of spacing,
 * and whether it looks like a formula. Everything here is linear in the length of the text.
 */
public final class AnswerText {
  private static final Pattern CHAT_TOKEN =
      Pattern.compile("<\\|(?:im_start|im_end|endoftext|end_of_text|eot_id|eom_id|end|user|start_header_id)\\|>|</s>"
          + "|<end_of_turn>|<eos>");
  private static final Pattern DOUBLED =
      Pattern.compile("(?<!\\\\)\\\\\\\\(?=(?:[dtc]?frac|sqrt|left|right|text|boxed|pi|leq?|geq?|lt|gt|infty|cdot|times"
          + "|cup|cap"
          + "|pm|in|sin|cos|tan|log|ln|angle|circ|theta|alpha|beta|mathrm|mathbf|mathbb|overline|binom|begin|end"
          + "|quad|neq?"
          + "|approx|%|\\{|\\})(?![a-z]))");

  /** The LaTeX for characters beyond ASCII. */
  private static final Map<Character, String> UNICODE = new HashMap<>();

  static {
    String[][] meanings = {
        {"−–—‐‑", "-"}, {"×", "\\times "}, {"·⋅∙", "\\cdot "}, {"÷∕⁄", "/"}, {"∗", "*"}, {"π", "\\pi "},
        {"θϑ", "\\theta "}, {"α", "\\alpha "}, {"β", "\\beta "}, {"γ", "\\gamma "}, {"λ", "\\lambda "},
        {"μ", "\\mu "}, {"φϕ", "\\phi "}, {"ω", "\\omega "}, {"σ", "\\sigma "}, {"δ", "\\delta "}, {"Δ", "\\Delta "},
        {"εϵ", "\\epsilon "}, {"ζ", "\\zeta "}, {"η", "\\eta "}, {"ι", "\\iota "}, {"κ", "\\kappa "}, {"ν", "\\nu "},
        {"ξ", "\\xi "}, {"ρ", "\\rho "}, {"τ", "\\tau "}, {"υ", "\\upsilon "}, {"χ", "\\chi "}, {"ψ", "\\psi "},
        {"Γ", "\\Gamma "}, {"Θ", "\\Theta "}, {"Λ", "\\Lambda "}, {"Ξ", "\\Xi "}, {"Π", "\\Pi "}, {"Σ", "\\Sigma "},
        {"Φ", "\\Phi "}, {"Ψ", "\\Psi "}, {"Ω", "\\Omega "}, {"∞", "\\infty "}, {"√", "\\sqrt "}, {"∛", "\\sqrt[3]"},
        {"∜", "\\sqrt[4]"}, {"\u2003\u2002\u00a0\u2009\u202f\u2062", " "}, {"∑", "\\sum "}, {"∏", "\\prod "},
        {"≤⩽", "\\le "}, {"≥⩾", "\\ge "}, {"≠", "\\ne "}, {"≈", "\\approx "}, {"±", "\\pm "}, {"∓", "\\mp "},
        {"∪", "\\cup "}, {"∩", "\\cap "}, {"∈", "\\in "}, {"∅", "\\emptyset "}, {"ℝ", "\\mathbb{R}"},
        {"ℤ", "\\mathbb{Z}"}, {"ℕ", "\\mathbb{N}"}, {"ℚ", "\\mathbb{Q}"}, {"ℂ", "\\mathbb{C}"}, {"°º", "^\\circ "},
        {"½", " \\frac{1}{2}"}, {"¼", " \\frac{1}{4}"}, {"¾", " \\frac{3}{4}"}, {"⅓", " \\frac{1}{3}"},
        {"⅔", " \\frac{2}{3}"}, {"⅕", " \\frac{1}{5}"}, {"⅛", " \\frac{1}{8}"}, {"…", "\\dots "}, {"’‘′", "'"},
        {"“”", "\""}, {"⌊", "\\lfloor "}, {"⌋", "\\rfloor "}, {"⌈", "\\lceil "}, {"⌉", "\\rceil "},
        {"⟨", "\\langle "}, {"⟩", "\\rangle "}, {"，", ","}, {"（", "("}, {"）", ")"}, {"：", ":"}, {"；", ";"},
        {"。", "."}, {"％", "%"}, {"＝", "="}, {"＋", "+"}, {"＄", "\\$"}, {"∖", "\\setminus "}, {"⇒", "\\implies "},
        {"→", "\\to "}, {"∼", "\\sim "}, {"\u200b\u2061\ufeff", ""}};
    for (String[] m : meanings) {
      m[0].chars().forEach(c -> UNICODE.put((char) c, m[1]));
    }
    for (int digit = 0; digit < 10; digit++) {
      UNICODE.put("⁰¹²³⁴⁵⁶⁷⁸⁹".charAt(digit), "^" + digit);
      UNICODE.put("₀₁₂₃₄₅₆₇₈₉".charAt(digit), "_" + digit);
    }
  }

  private static final String[] MARKS = {"**", "__", "```", "`", "\""};
  private static final String[][] DELIMITERS = {{"$$", "$$"}, {"$", "$"}, {"\\(", "\\)"}, {"\\[", "\\]"}};
  private static final String[] WRAPPERS =
      {"\\boxed", "\\fbox", "\\framebox", "\\displaystyle", "\\ensuremath", "\\boldsymbol"};

  /** Commands that a formula without words may hold. */
  private static final Set<String> FORMULA_COMMANDS =
      Set.of("frac", "dfrac", "tfrac", "cfrac", "sqrt", "pi", "cdot", "times", "left", "right", "infty", "pm", "le",
          "ge", "leq", "geq", "cup", "cap", "in", "sin", "cos", "tan", "ln", "log", "circ", "theta", "alpha", "beta");

  private AnswerText() {}

  /** The text as it was meant; the same object when there is nothing to undo. */
  public static String repair(String text) {
    String s = latinDigits(text);
    int thought = s.lastIndexOf("</think>");
    if (thought >= 0 && !s.substring(thought + 8).isBlank()) {
      s = s.substring(thought + 8);
    }
    if (s.indexOf('<') >= 0) {
      Matcher m = CHAT_TOKEN.matcher(s);
      while (m.find()) {
        if (!s.substring(0, m.start()).isBlank()) {
          s = s.substring(0, m.start());
          break;
        }
      }
    }
    return s.contains("\\\\") ? single(s) : s;
  }

  /** Decimal digits of other scripts as 0 to 9. */
  private static String latinDigits(String s) {
    StringBuilder out = null;
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      if (c >= 0x660 && Character.isDigit(c)) {
        out = out == null ? new StringBuilder(s) : out;
        out.setCharAt(i, (char) ('0' + Character.digit(c, 10)));
      }
    }
    return out == null ? s : out.toString();
  }

  /** "\\frac" is "\frac" escaped twice; in a text where that happened every run of backslashes is twice too long. */
  private static String single(String s) {
    Matcher m = DOUBLED.matcher(s);
    if (!m.find()) {
      return s;
    }
    boolean everywhere = true;
    boolean aCommand = false;
    for (int i = s.indexOf('\\'); i >= 0 && everywhere; i = s.indexOf('\\', i)) {
      int from = i;
      while (i < s.length() && s.charAt(i) == '\\') {
        i++;
      }
      everywhere = (i - from) % 2 == 0;
      aCommand |= i - from == 2 && i < s.length() && Character.isLetter(s.charAt(i));
    }
    if (everywhere && aCommand) {
      return s.replace("\\\\", "\\");
    }
    // A row break of a matrix that is followed by a command stays.
    return s.contains("\\begin") ? s : m.replaceAll("\\\\");
  }

  /** The answer without delimiters and decoration. */
  public static String clean(String text) {
    String s = unicode(text).strip();
    for (int round = 0; round < 8; round++) {
      String before = s;
      s = stripMarkdown(s);
      s = stripDelimiters(s);
      s = stripEnd(s);
      s = stripWrapper(s);
      if (s.equals(before)) {
        break;
      }
    }
    return dollars(s).strip();
  }

  static String unicode(String text) {
    int i = 0;
    while (i < text.length() && text.charAt(i) < 128) {
      i++;
    }
    if (i == text.length()) {
      return text;
    }
    StringBuilder out = new StringBuilder(text.length() + 16);
    boolean superscript = false;
    for (i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      boolean digitUp = "⁰¹²³⁴⁵⁶⁷⁸⁹".indexOf(c) >= 0;
      boolean digitDown = c >= '₀' && c <= '₉';
      if (superscript && (digitUp || digitDown)) {
        out.append(UNICODE.get(c).charAt(1));
      } else if (c == '⁻') {
        out.append("^-");
        superscript = true;
        continue;
      } else if (Character.isHighSurrogate(c) && i + 1 < text.length()) {
        // bold, italic and double-struck letters and digits
        out.append(Normalizer.normalize(text.substring(i, ++i + 1), Normalizer.Form.NFKC));
      } else {
        String mapped = c < 128 ? null : UNICODE.get(c);
        if (mapped == null) {
          out.append(c);
        } else {
          out.append(mapped);
        }
      }
      superscript = digitUp || digitDown;
    }
    return out.toString();
  }

  private static String stripMarkdown(String s) {
    String t = s.strip();
    for (String mark : MARKS) {
      if (t.length() > 2 * mark.length() && t.startsWith(mark) && t.endsWith(mark)) {
        t = t.substring(mark.length(), t.length() - mark.length()).strip();
      }
    }
    return t;
  }

  private static String stripDelimiters(String s) {
    for (String[] p : DELIMITERS) {
      if (s.length() >= p[0].length() + p[1].length() && s.startsWith(p[0]) && s.endsWith(p[1])
          && !s.endsWith("\\" + p[1])) {
        String inner = s.substring(p[0].length(), s.length() - p[1].length());
        if (!inner.contains(p[0])) {
          return inner.strip();
        }
      }
    }
    return s;
  }

  /** Drops closing punctuation, but not the dots of "0.333..." nor a closing "p.m.". */
  private static String stripEnd(String s) {
    int end = s.length();
    while (end > 0) {
      char c = s.charAt(end - 1);
      boolean dot = c == '.' && !(end > 1 && s.charAt(end - 2) == '.')
          && !(end > 3 && s.charAt(end - 3) == '.' && Character.isLetter(s.charAt(end - 2)));
      boolean escaped = end > 1 && s.charAt(end - 2) == '\\';
      if (escaped && (c == ' ' || c == ',' || c == ';' || c == '!')) {
        end -= 2;
      } else if (!escaped && (dot || c == ',' || c == ';' || Character.isWhitespace(c))) {
        end--;
      } else if (c == '\\' && end > 1 && s.charAt(end - 2) == '\\') {
        end -= 2;
      } else {
        break;
      }
    }
    return s.substring(0, end);
  }

  /** Drops a box or braces around the whole. */
  private static String stripWrapper(String s) {
    for (String w : WRAPPERS) {
      if (s.startsWith(w)) {
        String rest = s.substring(w.length()).strip();
        if (rest.startsWith("{") && Boxes.closing(rest, 0) == rest.length() - 1) {
          return rest.substring(1, rest.length() - 1).strip();
        }
        if (w.equals("\\displaystyle")) {
          return rest;
        }
      }
    }
    if (s.startsWith("{") && Boxes.closing(s, 0) == s.length() - 1 && s.indexOf(',') < 0) {
      return s.substring(1, s.length() - 1).strip();
    }
    return s;
  }

  /** Unescaped dollar signs are math delimiters when they pair up; a single one before a digit is money. */
  private static String dollars(String s) {
    int count = 0;
    for (int i = s.indexOf('$'); i >= 0; i = s.indexOf('$', i + 1)) {
      if (i == 0 || s.charAt(i - 1) != '\\') {
        count++;
      }
    }
    if (count == 0) {
      return s.contains("\\(") || s.contains("\\[") ? inlineDelimiters(s) : s;
    }
    StringBuilder out = new StringBuilder(s.length() + count);
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      if (c != '$' || i > 0 && s.charAt(i - 1) == '\\') {
        out.append(c);
      } else if (count % 2 == 1 && i + 1 < s.length() && isMoney(s, i + 1)) {
        out.append("\\$");
      } else {
        out.append(' ');
      }
    }
    return inlineDelimiters(out.toString());
  }

  private static boolean isMoney(String s, int i) {
    while (i < s.length() && s.charAt(i) == ' ') {
      i++;
    }
    return i < s.length() && (Character.isDigit(s.charAt(i)) || s.charAt(i) == '.' || s.charAt(i) == '-');
  }

  private static String inlineDelimiters(String s) {
    // "\\[" at the start of a matrix row is a row break with a bracket, so only a lone backslash counts.
    StringBuilder out = new StringBuilder(s.length());
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      if (c == '\\' && i + 1 < s.length()) {
        char d = s.charAt(i + 1);
        if (d == '(' || d == ')' || d == '[' || d == ']') {
          out.append(' ');
        } else {
          out.append(c).append(d);
        }
        i++;
      } else {
        out.append(c);
      }
    }
    return out.toString();
  }

  /**
   * True for a formula without words: single letters that name no choice, common commands, numbers and signs on one
   * line. It says nothing about words, choices, times, dates or bases. False when in doubt.
   */
  public static boolean isFormula(String s) {
    boolean sign = false;
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      if (c == '\\') {
        int from = i + 1;
        while (i + 1 < s.length() && isLetter(s.charAt(i + 1))) {
          i++;
        }
        if (i >= from && !FORMULA_COMMANDS.contains(s.substring(from, i + 1))) {
          return false;
        }
        sign = true;
      } else if (isLetter(c)) {
        boolean alone = i + 1 >= s.length() || !isLetter(s.charAt(i + 1));
        if (!alone || c < 'k' || c == 'm') {
          return false;
        }
      } else if (c == '#' || c == '\n' || c == ':' || c == '_' || c == '\'' || c == '"' || c > 126) {
        return false;
      } else {
        sign |= c > ' ';
      }
    }
    return sign;
  }

  private static boolean isLetter(char c) {
    return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z';
  }

  /** The text without spacing and the commands that only change its look. */
  public static String bare(String s) {
    StringBuilder out = new StringBuilder(s.length());
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      if (c == '~' || Character.isWhitespace(c)) {
        continue;
      }
      if (c == '\\' && i + 1 < s.length()) {
        if (",;:! ".indexOf(s.charAt(i + 1)) >= 0) {
          i++;
          continue;
        }
        int skipped = lookLength(s, i + 1);
        if (skipped > 0) {
          i += skipped;
          continue;
        }
        if (s.startsWith("dfrac", i + 1) || s.startsWith("tfrac", i + 1)) {
          out.append("\\frac");
          i += 5;
          continue;
        }
      }
      out.append(c);
    }
    return out.toString();
  }

  private static int lookLength(String s, int at) {
    for (String name : new String[] {"left", "right", "displaystyle"}) {
      if (s.startsWith(name, at) && !(at + name.length() < s.length() && isLetter(s.charAt(at + name.length())))) {
        return name.length();
      }
    }
    return 0;
  }
}
