package dev.sphere.engine.reward;

import java.util.List;
import java.util.Locale;

/** How the scores of a solution's steps become the solution's score. */
public enum Aggregation {
  /** The last step's score: what search-and-learn and Qwen's evaluation use. */
  LAST,
  /** The weakest step's: Let's Verify Step by Step's alternative. */
  MIN,
  /** The mean. */
  MEAN,
  /** The product: the probability that every step is right, if they were independent. */
  PRODUCT;

  /** The score in [0, 1]; 0 without steps. */
  public double of(List<Double> steps) {
    if (steps.isEmpty()) {
      return 0;
    }
    return switch (this) {
      case LAST -> steps.getLast();
      case MIN -> steps.stream().mapToDouble(Double::doubleValue).min().orElseThrow();
      case MEAN -> steps.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
      case PRODUCT -> steps.stream().mapToDouble(Double::doubleValue).reduce(1, (a, b) -> a * b);
    };
  }

  /** The name on command lines: lower case. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
