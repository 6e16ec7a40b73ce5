package dev.sphere.engine.settings;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Finds the name that somebody meant. */
public final class Names {
  private Names() {}

  /**
   * A question for somebody who wrote an unknown name.
   *
   * @param name as written
   * @param known all names there are, written alike, with the same dashes or section in front
   * @return {@code : did you mean 'NAME'?}; empty where no name is near
   */
  public static String meant(String name, Collection<String> known) {
    String near = nearest(name, known).stream().map(k -> "'" + k + "'").collect(Collectors.joining(" or "));
    return near.isEmpty() ? "" : ": did you mean " + near + "?";
  }

  /**
   * The names of which this one is the initials ({@code lr} of {@code learning_rate}) or the beginning; else the one that
   * needs the fewest changes of letters (Levenshtein), where they are no more than a third of it or two.
   */
  static List<String> nearest(String name, Collection<String> known) {
    List<String> abbreviated = known.stream().filter(k -> initials(k).equals(bare(name))).toList();
    if (!abbreviated.isEmpty()) {
      return abbreviated;
    }
    return Stream.concat(
            known.stream().filter(k -> k.startsWith(name) && bare(name).length() > 2),
            known.stream().filter(k -> distance(name, k) <= Math.max(2, Math.max(bare(name).length(), bare(k).length()) / 3))
                .sorted(Comparator.comparingInt(k -> distance(name, k))))
        .limit(1).toList();
  }

  private static String bare(String name) {
    return name.replaceFirst("^(-+|.*\\.)", "");
  }

  private static String initials(String name) {
    return Stream.of(bare(name).split("[-_]")).filter(w -> !w.isEmpty()).map(w -> w.substring(0, 1)).collect(Collectors.joining());
  }

  private static int distance(String a, String b) {
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
