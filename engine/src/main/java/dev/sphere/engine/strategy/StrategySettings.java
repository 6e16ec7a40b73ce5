package dev.sphere.engine.strategy;

import dev.sphere.engine.reward.Aggregation;

/**
 * What shapes a strategy, besides the search settings (sampling, separator, depth; for sphere all of them).
 *
 * @param kind the strategy
 * @param budget tokens that it may spend on one problem: generated ones, rollouts of a Monte Carlo reward among them,
 *     and
 *     those that reward models read. Nothing new is begun when they are spent; what is begun is finished
 * @param beams N: paths that beam search grows at once; a multiple of {@code width}
 * @param width M: candidates for each kept path (beam, dvts, mcts), and solutions drawn at a time (best-of-n,
 *     rejection)
 * @param aggregation how the scores of its steps rank a solution
 */
public record StrategySettings(Strategy kind, long budget, int beams, int width, Aggregation aggregation) {
  public StrategySettings {
    if (budget < 1) {
      throw new IllegalArgumentException("a budget is at least 1 token, not " + budget);
    }
    if (width < 1 || beams < width || beams % width != 0) {
      throw new IllegalArgumentException(
          "beams must be a multiple of the width: " + beams + " beams of width " + width);
    }
  }

  /** Eight beams of width four, ranked by the last step's score. */
  public static StrategySettings of(Strategy kind, long budget) {
    return new StrategySettings(kind, budget, 8, 4, Aggregation.LAST);
  }
}
