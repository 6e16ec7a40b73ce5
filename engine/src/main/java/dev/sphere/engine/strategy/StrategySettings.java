package dev.sphere.engine.strategy;

import dev.sphere.engine.reward.Aggregation;
import dev.sphere.engine.settings.Setting;
import dev.sphere.engine.settings.SettingsTree;
import dev.sphere.engine.settings.Told;
import java.util.Map;

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
public record StrategySettings(
    @Setting(name = "strategy", label = "NAME", shown = "the paper's search with its simulations",
        help = "Another way to search, each until the budget is spent.")
    Strategy kind,
    @Setting(def = "4000", range = "[1, )", label = "TOKENS", unit = "tokens", needs = "strategy",
        help = "Tokens a problem (and stage) for a strategy, rollouts and what reward models read included.")
    long budget,
    @Setting(def = "8", range = "[1, )", label = "N", needs = "strategy=beam or strategy=dvts",
        help = "Paths that beam search grows at once; a multiple of the width.")
    int beams,
    @Setting(def = "4", range = "[1, )", label = "M", needs = "strategy",
        help = "Candidates for each path that is kept, of beam, dvts and mcts; samples at a time.")
    int width,
    @Setting(def = "last", label = "RULE", needs = "strategy", help = "How the scores of its steps rank a solution.")
    Aggregation aggregation) {
  public StrategySettings {
    SettingsTree.requireRanges(StrategySettings.class, kind, budget, beams, width, aggregation);
    if (beams < width || beams % width != 0) {
      throw new IllegalArgumentException(
          "beams must be a multiple of the width: " + beams + " beams of width " + width);
    }
  }

  /** Eight beams of width four, ranked by the last step's score. */
  public static StrategySettings of(Strategy kind, long budget) {
    return SettingsTree.of(StrategySettings.class).make(
        StrategySettings.class, Told.nothing(), Map.of("strategy", kind, "budget", budget), Map.of());
  }
}
