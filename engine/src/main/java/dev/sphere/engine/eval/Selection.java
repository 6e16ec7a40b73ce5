package dev.sphere.engine.eval;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * The accuracy of choosing among samples by a process reward.
 *
 * @param aggregation how the scores of a solution's steps become one: last, min, mean, product
 * @param bestOfN share of problems whose best-scored sample is right (the first among equals)
 * @param weightedVote share of problems that a vote weighted by the scores solves (Li et al. 2022, arXiv 2206.02336)
 */
public record Selection(String aggregation, double bestOfN, double weightedVote) {
  private static final Map<String, ToDoubleFunction<List<Double>>> WAYS = new LinkedHashMap<>();

  static {
    WAYS.put("last", List::getLast);
    WAYS.put("min", s -> s.stream().mapToDouble(Double::doubleValue).min().orElse(0));
    WAYS.put("mean", s -> s.stream().mapToDouble(Double::doubleValue).average().orElse(0));
    WAYS.put("product", s -> s.stream().mapToDouble(Double::doubleValue).reduce(1, (a, b) -> a * b));
  }

  /** The names of the aggregations. */
  static List<String> ways() {
    return List.copyOf(WAYS.keySet());
  }

  /** A sample's score; 0 without steps. */
  static double score(Answered a, String way) {
    return a.steps().isEmpty() ? 0 : WAYS.get(way).applyAsDouble(a.steps());
  }

  /** The best-scored sample, the first among equals. */
  static Answered best(List<Answered> samples, String way) {
    Answered best = samples.getFirst();
    for (Answered a : samples) {
      best = score(a, way) > score(best, way) ? a : best;
    }
    return best;
  }
}
