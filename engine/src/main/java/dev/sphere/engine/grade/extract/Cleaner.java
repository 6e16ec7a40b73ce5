package dev.sphere.engine.grade.extract;

import java.text.Normalizer;
import java.util.Map;

/** Takes away what carries no meaning: math delimiters, markdown, typographic variants, closing punctuation. */
public final class Cleaner {
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

  private Cleaner() {}

  /** The answer without delimiters and decoration. Linear in the length of the text. */
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
}
