package dev.sphere.grade.extract;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

/** Answers in words, reduced to what they say. */
public final class Phrases {
  /** Phrases that mean the same, by the one that stands for all. */
  private static final Map<String, String> SAME = new HashMap<>();
  private static final Pattern COMMANDS =
      Pattern.compile("\\\\(?:text|mbox|textbf|textit|textrm|textnormal|mathrm|mathbf|mathit|mathsf|operatorname|"
          + "hbox|emph|texttt|textsf|bf|rm|it|boldsymbol|bm|mathcal)\\b|\\\\[,;:! ]|\\\\q?quad\\b"
          + "|\\\\(?:left|right)\\b");

  private static final Pattern MARKS = Pattern.compile("[{}$\"`*~]");
  private static final Pattern HYPHEN = Pattern.compile("(?<=[a-z])-(?=[a-z])");
  private static final Pattern PUNCTUATION = Pattern.compile("[.,;:!?]+(?=\\s|$)");
  private static final Pattern ARTICLE = Pattern.compile("\\b(?:the|an?)\\s+(?=[a-z]{3})");
  private static final Pattern SPACES = Pattern.compile("\\s+");

  /** Words that are mathematics, not prose. */
  static final Pattern FUNCTION =
      Pattern.compile("(?<![A-Za-z])(?:arc|a)?(?:sin|cos|tan|cot|sec|csc)h?(?![A-Za-z])"
          + "|(?<![A-Za-z])(?:sqrt|cbrt|log|ln|lg|exp"
          + "|abs|pi|frac|binom|binomial|floor|ceil|min|max|gcd|lcm|theta|alpha|beta|gamma|lambda"
          + "|infinity|inf|oo)(?![A-Za-z])");

  static {
    String[][] same = {
        {"empty set", "no solution", "no solutions", "none", "no real solution", "no real solutions", "empty",
            "the empty set", "no such x", "no values", "no answer", "there is no solution", "there are no solutions",
            "has no solution"},
        {"does not exist", "dne", "doesn't exist", "doesnt exist"},
        {"infinitely many", "infinite", "infinitely many solutions", "infinite solutions",
            "infinite number of solutions"},
        {"all real numbers", "all reals", "all real x", "any real number", "every real number", "real numbers"},
        {"yes", "true"}, {"no", "false"},
        {"monday", "mon"}, {"tuesday", "tue", "tues"}, {"wednesday", "wed"}, {"thursday", "thu", "thurs", "thur"},
        {"friday", "fri"}, {"saturday", "sat"}, {"sunday", "sun"}};
    for (String[] group : same) {
      for (String s : group) {
        SAME.put(s, group[0]);
      }
    }
  }

  private Phrases() {}

  /** A text's words: lower case, without commands, punctuation, articles; synonyms of "no solution" as one. */
  public static String key(String text) {
    String t = MARKS.matcher(COMMANDS.matcher(text).replaceAll(" ")).replaceAll(" ").toLowerCase(Locale.ROOT);
    t = PUNCTUATION.matcher(HYPHEN.matcher(t).replaceAll(" ")).replaceAll(" ");
    t = SPACES.matcher(ARTICLE.matcher(t).replaceAll("")).replaceAll(" ").strip();
    if (t.startsWith("(") && t.endsWith(")") && t.indexOf(')') == t.length() - 1) {
      t = t.substring(1, t.length() - 1).strip();
    }
    return SAME.getOrDefault(t, t);
  }

  /** True when the text is words only: no digits, no operators. */
  public static boolean wordsOnly(String key) {
    return !key.isEmpty() && key.chars().allMatch(c -> Character.isLetter(c) || c == ' ' || c == '\'' || c == ',')
        && key.chars().filter(Character::isLetter).count() > 1;
  }

  /** True when a function or constant of mathematics is named. */
  public static boolean namesFunction(String text) {
    return FUNCTION.matcher(text).find();
  }
}
