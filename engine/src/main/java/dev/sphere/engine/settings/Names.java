package dev.sphere.engine.settings;

import java.util.Collection;
import java.util.Comparator;

/** Finds the name that somebody meant. */
final class Names {
  private Names() {}

  /** The name that needs the fewest changes of letters (Levenshtein), if they are no more than a third of it or two; else null. */
  static String nearest(String name, Collection<String> known) {
    return known.stream()
        .filter(k -> distance(name, k) <= Math.max(2, Math.max(name.length(), k.length()) / 3))
        .min(Comparator.comparingInt(k -> distance(name, k))).orElse(null);
  }

  static int distance(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(replaced, Math.min(row[j], row[j - 1]) + 1);
      }
    }
    return row[b.length()];
  }
}
