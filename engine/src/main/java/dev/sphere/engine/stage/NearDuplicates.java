package dev.sphere.engine.stage;

import dev.sphere.engine.PreferencePair;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The likeness of solutions. Two solutions are alike when they have the same numbers in the same order and their words
 * overlap: one computation in other words. A solution with another number is another solution.
 */
public final class NearDuplicates {
  private static final Pattern NUMBER = Pattern.compile("\\d+(?:[.,]\\d+)*");
  private static final Pattern WORD = Pattern.compile("\\p{L}+");

  private NearDuplicates() {}

  /** How alike two solutions are: 0 where their numbers differ, else Jaccard's index of their words, up to 1. */
  public static double similarity(String a, String b) {
    if (!all(NUMBER, a).equals(all(NUMBER, b))) {
      return 0;
    }
    Set<String> words = new HashSet<>(all(WORD, a));
    Set<String> others = new HashSet<>(all(WORD, b));
    Set<String> union = new HashSet<>(words);
    union.addAll(others);
    words.retainAll(others);
    return union.isEmpty() ? 1 : (double) words.size() / union.size();
  }

  /** Two pairs are as alike as the less alike of their sides. */
  public static double similarity(PreferencePair a, PreferencePair b) {
    return Math.min(similarity(a.chosen(), b.chosen()), similarity(a.rejected(), b.rejected()));
  }

  private static List<String> all(Pattern pattern, String text) {
    List<String> found = new ArrayList<>();
    Matcher m = pattern.matcher(text.toLowerCase(Locale.ROOT));
    while (m.find()) {
      found.add(m.group());
    }
    return found;
  }
}
