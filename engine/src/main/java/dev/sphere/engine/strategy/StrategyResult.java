package dev.sphere.engine.strategy;

import java.util.List;

/**
 * The solutions that a strategy found for one problem, and their cost.
 *
 * @param solutions the solutions that it came to, in the order in which it found them; never empty
 * @param values the score of each by which the strategy ranks them; all equal for one without a process reward
 * @param generated tokens generated, rollouts of the process reward included
 * @param read tokens that reward models read
 */
public record StrategyResult(List<Solution> solutions, List<Double> values, long generated, long read) {
  public StrategyResult {
    solutions = List.copyOf(solutions);
    values = List.copyOf(values);
    if (solutions.isEmpty() || solutions.size() != values.size()) {
      throw new IllegalArgumentException(solutions.size() + " solutions, " + values.size() + " values");
    }
  }

  /** Tokens in all. */
  public long spent() {
    return generated + read;
  }

  /** The complete solution with the highest value, the first among equals; any where none is complete. */
  public Solution best() {
    int best = -1;
    for (int i = 0; i < solutions.size(); i++) {
      boolean usable = !solutions.get(i).truncated();
      if (usable && (best < 0 || values.get(i) > values.get(best))) {
        best = i;
      }
    }
    return solutions.get(Math.max(best, 0));
  }
}
