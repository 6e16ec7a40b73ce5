package dev.sphere.engine.data;

import dev.sphere.engine.Problem;
import dev.sphere.engine.settings.Setting;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Finds problems that an evaluation set holds too, by n-grams of words that the two have in common (GPT-3, arXiv
 * 2005.14165, appendix C: 13 words). Case, punctuation and spaces do not count. Texts shorter than n words are compared
 * whole.
 */
public final class Decontamination {
  /** GPT-3's n. */
  public static final int WORDS = 13;

  private Decontamination() {}

  /**
   * Settings of a decontamination.
   *
   * @param sets evaluation sets, as {@code --problems} takes them; without any, all problems stay
   * @param ngram words of an n-gram
   */
  public record Settings(
      @Setting(name = "decontaminate", def = "", label = "FILE", shown = "none",
          help = "Leave out problems that share an n-gram of words with one of these evaluation sets, and list them in "
              + "RUN/decontamination.jsonl.")
      List<String> sets,
      @Setting(def = "13", range = "[1, )", label = "N", unit = "words", needs = "decontaminate", source = "GPT-3",
          help = "Words of an n-gram.")
      int ngram) {}

  /**
   * An overlap.
   *
   * @param problem id of the problem
   * @param set name of the evaluation set
   * @param evaluated id of the problem there
   * @param words the first n-gram that they share
   * @param share of the problem's n-grams that occur in any evaluation set, in (0, 1]
   */
  public record Hit(String problem, String set, String evaluated, String words, double share) {
    /** The hit by name, as it is listed in files. */
    public Map<String, Object> toMap() {
      Map<String, Object> m = new LinkedHashMap<>();
      m.put("problem", problem);
      m.put("set", set);
      m.put("evaluated", evaluated);
      m.put("words", words);
      m.put("share", share);
      return m;
    }
  }

  /**
   * The problems without an overlap, and the overlaps of the others.
   *
   * @param clean the problems without an overlap, in order
   * @param hits one overlap for each of the others, in order
   */
  public record Result(List<Problem> clean, List<Hit> hits) {}

  private record Place(String set, String id) {}

  /**
   * Checks problems against evaluation sets.
   *
   * @param sets the evaluation sets by name
   * @param n words of an n-gram, at least 1
   */
  public static Result check(List<Problem> problems, Map<String, List<Problem>> sets, int n) {
    if (n < 1) {
      throw new IllegalArgumentException("n-grams have at least 1 word, not " + n);
    }
    Map<String, Place> places = new HashMap<>();
    sets.forEach((name, list) -> {
      for (Problem p : list) {
        grams(p.question(), n).forEach(gram -> places.putIfAbsent(gram, new Place(name, p.id())));
      }
    });
    List<Problem> clean = new ArrayList<>();
    List<Hit> hits = new ArrayList<>();
    for (Problem p : problems) {
      List<String> grams = grams(p.question(), n);
      String first = null;
      int shared = 0;
      for (String gram : grams) {
        if (places.containsKey(gram)) {
          first = first == null ? gram : first;
          shared++;
        }
      }
      if (first == null) {
        clean.add(p);
      } else {
        Place place = places.get(first);
        hits.add(new Hit(p.id(), place.set, place.id, first, (double) shared / grams.size()));
      }
    }
    return new Result(clean, hits);
  }

  private static List<String> grams(String text, int n) {
    String[] words = Arrays.stream(text.toLowerCase(Locale.ROOT).split("[^\\p{L}\\p{N}]+"))
        .filter(w -> !w.isEmpty()).toArray(String[]::new);
    List<String> grams = new ArrayList<>();
    for (int i = 0; i + n <= words.length; i++) {
      grams.add(String.join(" ", Arrays.copyOfRange(words, i, i + n)));
    }
    if (grams.isEmpty() && words.length > 0) {
      grams.add(String.join(" ", words));
    }
    return grams;
  }
}
