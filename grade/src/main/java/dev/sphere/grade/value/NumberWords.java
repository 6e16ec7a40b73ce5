package dev.sphere.grade.value;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/** Numbers written out in words. */
public final class NumberWords {
  private static final Map<String, Integer> SMALL = new HashMap<>();
  private static final Map<String, Integer> PARTS = new HashMap<>();

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
  }

  private NumberWords() {}

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
}
