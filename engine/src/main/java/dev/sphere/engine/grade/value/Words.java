package dev.sphere.engine.grade.value;

import dev.sphere.engine.grade.extract.AnswerExtractor;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

/** Answers in words: numbers written out, and texts reduced to what they say. */
public final class Words {
  private static final Map<String, Integer> SMALL = new HashMap<>();
  private static final Map<String, Integer> PARTS = new HashMap<>();
  private static final Map<String, String> SAME = new HashMap<>();
  private static final Pattern COMMANDS =
      Pattern.compile("\\\\(?:text|mbox|textbf|textit|textrm|textnormal|mathrm|mathbf|mathit|mathsf|operatorname|"
          + "hbox|emph|texttt|textsf|bf|rm|it|boldsymbol|bm|mathcal)\\b|\\\\[,;:! ]|\\\\q?quad\\b|\\\\(?:left|right)\\b");

  private static final Pattern MARKS = Pattern.compile("[{}$\"`*~]");
  private static final Pattern HYPHEN = Pattern.compile("(?<=[a-z])-(?=[a-z])");
  private static final Pattern PUNCTUATION = Pattern.compile("[.,;:!?]+(?=\\s|$)");
  private static final Pattern ARTICLE = Pattern.compile("\\b(?:the|an?)\\s+(?=[a-z]{3})");
  private static final Pattern SPACES = Pattern.compile("\\s+");

  static {
    String[] ones = {"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
        "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
    String[] tens = {"twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"};
    for (int i = 0; i < ones.length; i++) {
      SMALL.put(ones[i], i);
    }
    for (int i = 0; i < tens.length; i++) {
      SMALL.put(tens[i], 10 * (i + 2));
    }
    String[] parts = {"half", "third", "quarter", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"};
    for (int i = 0; i < parts.length; i++) {
      PARTS.put(parts[i], i + 2);
      PARTS.put(parts[i] + "s", i + 2);
    }
    PARTS.put("halves", 2);
    PARTS.put("fourth", 4);
    PARTS.put("fourths", 4);
    String[][] same = {
        {"empty set", "no solution", "no solutions", "none", "no real solution", "no real solutions", "empty",
            "the empty set", "no such x", "no values", "no answer", "there is no solution", "there are no solutions",
            "has no solution"},
        {"does not exist", "dne", "doesn't exist", "doesnt exist"},
        {"infinitely many", "infinite", "infinitely many solutions", "infinite solutions", "infinite number of solutions"},
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

  private Words() {}

  /** The number that the words say ("twenty-one", "two hundred and five", "three quarters"); null when it is none. */
  public static Rational number(String text) {
    if (text.isEmpty() || text.length() > 120 || !Character.isLetter(text.charAt(0))) {
      return null;
    }
    String[] words = text.toLowerCase(Locale.ROOT).replace('-', ' ').replace(",", " ").strip().split("\\s+");
    if (!SMALL.containsKey(words[0]) && !words[0].equals("half") && !words[0].equals("a") && !words[0].equals("minus")
        && !words[0].equals("negative") && !words[0].equals("hundred")) {
      return null;
    }
    boolean negative = words[0].equals("minus") || words[0].equals("negative");
    long total = 0;
    long group = 0;
    int read = 0;
    boolean fraction = false;
    int parts = 1;
    for (int i = negative ? 1 : 0; i < words.length; i++) {
      String w = words[i];
      Integer small = SMALL.get(w);
      if (fraction) {
        return null;
      }
      if (small != null) {
        boolean fits = group % 100 == 0 || group % 10 == 0 && group % 100 >= 20 && small < 10 && small > 0;
        if (!fits || group > 0 && small == 0) {
          return null;
        }
        group += small;
      } else if (w.equals("hundred")) {
        group = (group == 0 ? 1 : group) * 100;
      } else if (w.equals("thousand") || w.equals("million") || w.equals("billion")) {
        long scale = w.equals("thousand") ? 1000L : w.equals("million") ? 1_000_000L : 1_000_000_000L;
        total += (group == 0 ? 1 : group) * scale;
        group = 0;
      } else if (PARTS.containsKey(w)) {
        fraction = true;
        parts = PARTS.get(w);
        group = read == 0 || total + group == 0 ? 1 : group;
      } else if (!w.equals("and") && !(w.equals("a") && read == 0) || i == words.length - 1) {
        return null;
      }
      read++;
    }
    if (read == 0 || read == 1 && words[words.length - 1].equals("a")) {
      return null;
    }
    Rational r = Rational.of(total + group).dividedBy(Rational.of(parts));
    return negative ? r.negate() : r;
  }

  /** What a text says: lower case, without commands, punctuation, articles; synonyms of "no solution" as one. */
  public static String key(String text) {
    String t = MARKS.matcher(COMMANDS.matcher(text).replaceAll(" ")).replaceAll(" ").toLowerCase(Locale.ROOT);
    t = PUNCTUATION.matcher(HYPHEN.matcher(t).replaceAll(" ")).replaceAll(" ");
    t = SPACES.matcher(ARTICLE.matcher(t).replaceAll("")).replaceAll(" ").strip();
    if (t.startsWith("(") && t.endsWith(")") && t.indexOf(')') == t.length() - 1) {
      t = t.substring(1, t.length() - 1).strip();
    }
    return SAME.getOrDefault(t, t);
  }

  /** True for a phrase: words only, one of them with four letters or more that is no mathematics. */
  public static boolean phrase(String key) {
    return wordsOnly(key) && !AnswerExtractor.FUNCTION.matcher(key).find() && java.util.Arrays.stream(key.split("[ ,]+")).anyMatch(w -> w.length() > 3)
        && key.indexOf(',') < 0 && !key.contains(" or ") && !key.contains(" and ") && number(key) == null
        && !key.contains("sqrt") && !key.contains("infinity") && number(key.split(" ", 2)[0]) == null;
  }

  /** True when the text is words only: no digits, no operators. */
  public static boolean wordsOnly(String key) {
    return !key.isEmpty() && key.chars().allMatch(c -> Character.isLetter(c) || c == ' ' || c == '\'' || c == ',')
        && key.chars().filter(Character::isLetter).count() > 1;
  }
}
