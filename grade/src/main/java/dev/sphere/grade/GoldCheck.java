package dev.sphere.grade;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * Judges the grader by the gold answers of published problem sets: each must equal itself rewritten, and differ from
 * every other gold answer unless both mean the same, which a person decides from the list of the pairs that were found
 * equal.
 */
public final class GoldCheck {
  private final AnswerGrader grader = new AnswerGrader();

  /** A gold answer that did not equal a rewriting of itself. */
  public record Lost(String gold, String rewritten, String how) {}

  /**
   * Two different texts that were found equal.
   *
   * @param reversed whether they are equal with the sides changed, too
   */
  public record Pair(String gold, String other, String how, boolean reversed) {}

  /**
   * The check's result.
   *
   * @param golds gold answers
   * @param distinct different texts among them
   * @param rewritings rewritings that were graded
   * @param lost those that were found different
   * @param pairs pairs of different texts that were graded
   * @param equal those that were found equal
   */
  public record Result(int golds, int distinct, long rewritings, List<Lost> lost, long pairs, List<Pair> equal) {
    /** The counts by name. */
    public Map<String, Object> toMap() {
      Map<String, Object> m = new LinkedHashMap<>();
      m.put("golds", golds);
      m.put("distinct", distinct);
      m.put("rewritings", rewritings);
      m.put("rewritings_lost", lost.size());
      m.put("pairs", pairs);
      m.put("pairs_equal", equal.size());
      m.put("pairs_equal_one_way", equal.stream().filter(p -> !p.reversed()).count());
      return m;
    }
  }

  /** Checks gold answers; {@code progress} gets the share of pairs that is done, now and then, from any thread. */
  public Result check(List<String> golds, Consumer<Double> progress) {
    List<String> distinct = golds.stream().distinct().toList();
    List<Lost> lost = new ArrayList<>();
    long rewritings = 0;
    for (String g : distinct) {
      for (String r : rewritings(g)) {
        rewritings++;
        Verdict v = grader.grade(g, r);
        if (!v.equal()) {
          lost.add(new Lost(g, r, v.how()));
        }
      }
    }
    int n = distinct.size();
    List<List<Pair>> rows = IntStream.range(0, n).parallel().mapToObj(i -> {
      List<Pair> found = new ArrayList<>();
      for (int j = i + 1; j < n; j++) {
        Verdict v = grader.grade(distinct.get(i), distinct.get(j));
        if (v.equal()) {
          found.add(new Pair(distinct.get(i), distinct.get(j), v.how(),
              grader.grade(distinct.get(j), distinct.get(i)).equal()));
        }
      }
      if (i % 64 == 0) {
        progress.accept(1 - Math.pow(1 - i / (double) n, 2));
      }
      return found;
    }).toList();
    return new Result(golds.size(), n, rewritings, List.copyOf(lost), (long) n * (n - 1) / 2,
        rows.stream().flatMap(List::stream).toList());
  }

  /** The answer as others write it: in a solution's box, between other delimiters, with other commands and spacing. */
  static List<String> rewritings(String gold) {
    String inner = gold.length() > 1 && gold.startsWith("$") && gold.endsWith("$")
        && gold.indexOf('$', 1) == gold.length() - 1
        ? gold.substring(1, gold.length() - 1) : gold;
    List<String> all = new ArrayList<>();
    all.add("Adding up, we conclude that the answer is $\\boxed{" + undelimited(inner) + "}$.");
    all.add("Therefore:\n\n\\[\n\\boxed{ " + undelimited(respelled(inner)) + " }\n\\]");
    all.add(inner.indexOf('$') < 0 ? "\\( " + respelled(inner) + " \\)" : respelled(gold));
    if (inner.indexOf('$') < 0) {
      all.add("We get it step by step.\nThe final answer is $" + inner + "$.");
    }
    return all;
  }

  private static String undelimited(String s) {
    return s.replaceAll("(?<!\\\\)\\$", "");
  }

  private static String respelled(String s) {
    return s.replace("\\frac", "\\dfrac").replace("\\left", "").replace("\\right", "").replace("\\cdot", "\\times")
        .replace("\\le ", "\\leq ").replace("\\ge ", "\\geq ").replace("+", " + ").replace("\\!", "");
  }
}
