package dev.sphere.engine.grade.extract;

import java.util.Set;

/** How a text looks, found in one pass without regular expressions: most answers are decided by it. */
public final class Surface {
  private static final Set<String> COMMANDS =
      Set.of("frac", "dfrac", "tfrac", "cfrac", "sqrt", "pi", "cdot", "times", "left", "right", "infty", "pm", "le", "ge",
          "leq", "geq", "cup", "cap", "in", "sin", "cos", "tan", "ln", "log", "circ", "theta", "alpha", "beta");

  private Surface() {}

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
        if (i >= from && !COMMANDS.contains(s.substring(from, i + 1))) {
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
        int skipped = look(s, i + 1);
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

  private static int look(String s, int at) {
    for (String name : new String[] {"left", "right", "displaystyle"}) {
      if (s.startsWith(name, at) && !(at + name.length() < s.length() && isLetter(s.charAt(at + name.length())))) {
        return name.length();
      }
    }
    return 0;
  }
}
