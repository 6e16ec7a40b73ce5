package dev.sphere.engine.grade.extract;

import java.text.Normalizer;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An answer's text before it is read as mathematics: mended, cleaned of what carries no meaning, or bare of spacing, and
 * whether it looks like a formula. Everything here is linear in the length of the text.
 */
public final class AnswerText {
  private static final Pattern CHAT_TOKEN =
      Pattern.compile("<\\|(?:im_start|im_end|endoftext|end_of_text|eot_id|eom_id|end|user|start_header_id)\\|>|</s>"
          + "|<end_of_turn>|<eos>");
  private static final Pattern DOUBLED =
      Pattern.compile("(?<!\\\\)\\\\\\\\(?=(?:[dtc]?frac|sqrt|left|right|text|boxed|pi|leq?|geq?|lt|gt|infty|cdot|times|cup|cap"
          + "|pm|in|sin|cos|tan|log|ln|angle|circ|theta|alpha|beta|mathrm|mathbf|mathbb|overline|binom|begin|end|quad|neq?"
          + "|approx|%|\\{|\\})(?![a-z]))");

  private static final Map<Character, String> UNICODE =
      Map.ofEntries(
          Map.entry('−', "-"), Map.entry('–', "-"), Map.entry('—', "-"), Map.entry('‐', "-"), Map.entry('‑', "-"),
          Map.entry('×', "\\times "), Map.entry('·', "\\cdot "), Map.entry('⋅', "\\cdot "), Map.entry('∙', "\\cdot "),
          Map.entry('÷', "/"), Map.entry('∕', "/"), Map.entry('⁄', "/"), Map.entry('∗', "*"),
          Map.entry('π', "\\pi "), Map.entry('θ', "\\theta "), Map.entry('α', "\\alpha "), Map.entry('β', "\\beta "),
          Map.entry('γ', "\\gamma "), Map.entry('λ', "\\lambda "), Map.entry('μ', "\\mu "), Map.entry('φ', "\\phi "),
          Map.entry('ω', "\\omega "), Map.entry('σ', "\\sigma "), Map.entry('δ', "\\delta "), Map.entry('Δ', "\\Delta "),
          Map.entry('ε', "\\epsilon "), Map.entry('ζ', "\\zeta "), Map.entry('η', "\\eta "),
          Map.entry('ι', "\\iota "), Map.entry('κ', "\\kappa "), Map.entry('ν', "\\nu "), Map.entry('ξ', "\\xi "),
          Map.entry('ρ', "\\rho "), Map.entry('τ', "\\tau "), Map.entry('υ', "\\upsilon "), Map.entry('χ', "\\chi "),
          Map.entry('ψ', "\\psi "), Map.entry('Γ', "\\Gamma "), Map.entry('Θ', "\\Theta "),
          Map.entry('Λ', "\\Lambda "), Map.entry('Ξ', "\\Xi "), Map.entry('Π', "\\Pi "), Map.entry('Σ', "\\Sigma "),
          Map.entry('Φ', "\\Phi "), Map.entry('Ψ', "\\Psi "), Map.entry('Ω', "\\Omega "), Map.entry('ϕ', "\\phi "),
          Map.entry('ϵ', "\\epsilon "), Map.entry('ϑ', "\\theta "),
          Map.entry('∞', "\\infty "), Map.entry('√', "\\sqrt "), Map.entry('∛', "\\sqrt[3]"), Map.entry('∜', "\\sqrt[4]"),
          Map.entry('\u2003', " "), Map.entry('\u2002', " "), Map.entry('∑', "\\sum "), Map.entry('∏', "\\prod "),
          Map.entry('≤', "\\le "), Map.entry('≥', "\\ge "),
          Map.entry('⩽', "\\le "), Map.entry('⩾', "\\ge "), Map.entry('≠', "\\ne "), Map.entry('≈', "\\approx "),
          Map.entry('±', "\\pm "), Map.entry('∓', "\\mp "), Map.entry('∪', "\\cup "), Map.entry('∩', "\\cap "),
          Map.entry('∈', "\\in "), Map.entry('∅', "\\emptyset "), Map.entry('ℝ', "\\mathbb{R}"),
          Map.entry('ℤ', "\\mathbb{Z}"), Map.entry('ℕ', "\\mathbb{N}"), Map.entry('ℚ', "\\mathbb{Q}"),
          Map.entry('ℂ', "\\mathbb{C}"), Map.entry('°', "^\\circ "), Map.entry('º', "^\\circ "),
          Map.entry('²', "^2"), Map.entry('³', "^3"), Map.entry('¹', "^1"), Map.entry('⁴', "^4"), Map.entry('⁵', "^5"),
          Map.entry('⁶', "^6"), Map.entry('⁷', "^7"), Map.entry('⁸', "^8"), Map.entry('⁹', "^9"), Map.entry('⁰', "^0"),
          Map.entry('½', " \\frac{1}{2}"), Map.entry('¼', " \\frac{1}{4}"), Map.entry('¾', " \\frac{3}{4}"),
          Map.entry('⅓', " \\frac{1}{3}"), Map.entry('⅔', " \\frac{2}{3}"), Map.entry('⅕', " \\frac{1}{5}"),
          Map.entry('⅛', " \\frac{1}{8}"), Map.entry('…', "\\dots "), Map.entry('’', "'"), Map.entry('‘', "'"),
          Map.entry('“', "\""), Map.entry('”', "\""), Map.entry('′', "'"), Map.entry('⌊', "\\lfloor "),
          Map.entry('⌋', "\\rfloor "), Map.entry('⌈', "\\lceil "), Map.entry('⌉', "\\rceil "),
          Map.entry('⟨', "\\langle "), Map.entry('⟩', "\\rangle "), Map.entry('，', ","), Map.entry('（', "("),
          Map.entry('）', ")"), Map.entry('：', ":"), Map.entry('；', ";"), Map.entry('。', "."), Map.entry('％', "%"),
          Map.entry('＝', "="), Map.entry('＋', "+"), Map.entry('＄', "\\$"), Map.entry('∖', "\\setminus "),
          Map.entry('⇒', "\\implies "), Map.entry('→', "\\to "), Map.entry('∼', "\\sim "), Map.entry('\u00a0', " "),
          Map.entry('\u2009', " "), Map.entry('\u202f', " "), Map.entry('\u200b', ""), Map.entry('\u2061', ""),
          Map.entry('\u2062', " "), Map.entry('\ufeff', ""), Map.entry('₀', "_0"), Map.entry('₁', "_1"),
          Map.entry('₂', "_2"), Map.entry('₃', "_3"), Map.entry('₄', "_4"), Map.entry('₅', "_5"), Map.entry('₆', "_6"),
          Map.entry('₇', "_7"), Map.entry('₈', "_8"), Map.entry('₉', "_9"));

  private static final String[] MARKS = {"**", "__", "```", "`", "\""};
  private static final String[][] DELIMITERS = {{"$$", "$$"}, {"$", "$"}, {"\\(", "\\)"}, {"\\[", "\\]"}};
  private static final String[] WRAPPERS =
      {"\\boxed", "\\fbox", "\\framebox", "\\displaystyle", "\\ensuremath", "\\boldsymbol"};

  /** Commands that a formula without words may hold. */
  private static final Set<String> FORMULA_COMMANDS =
      Set.of("frac", "dfrac", "tfrac", "cfrac", "sqrt", "pi", "cdot", "times", "left", "right", "infty", "pm", "le", "ge",
          "leq", "geq", "cup", "cap", "in", "sin", "cos", "tan", "ln", "log", "circ", "theta", "alpha", "beta");

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
   * True for a formula without words: single letters that name no choice, common commands, numbers and signs on one line. It says
   * nothing about words, choices, times, dates or bases. False when in doubt.
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
