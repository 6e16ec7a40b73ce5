package dev.sphere.lab.strategy;

import dev.sphere.engine.reward.Aggregation;
import dev.sphere.engine.settings.Setting;
import dev.sphere.engine.settings.SettingsTree;
import dev.sphere.engine.strategy.Strategy;
import dev.sphere.engine.strategy.StrategySettings;

/**
 * Settings of a compared strategy, beside those of the search.
 *
 * @param kind the strategy
 * @param budget tokens a problem, as in {@link StrategySettings}
 * @param beams N: paths that beam search grows at once; a multiple of {@code width}
 * @param width M: candidates for each kept path (beam, dvts, mcts), and solutions drawn at a time (best-of-n, rejection)
 * @param aggregation how the scores of its steps rank a solution
 */
record ComparedSettings(
    @Setting(name = "strategy", label = "NAME", shown = "", help = "")
    ComparedStrategy kind,
    @Setting(def = "4000", range = "[1, )", label = "TOKENS", help = "Tokens a problem.")
    long budget,
    @Setting(def = "8", range = "[1, )", label = "N",
        help = "Paths that beam search grows at once; a multiple of the width.")
    int beams,
    @Setting(def = "4", range = "[1, )", label = "M",
        help = "Candidates for each path that is kept, of beam, dvts and mcts; samples at a time.")
    int width,
    @Setting(def = "last", label = "RULE", help = "How the scores of its steps rank a solution.")
    Aggregation aggregation) {
  ComparedSettings {
    SettingsTree.requireRanges(ComparedSettings.class, kind, budget, beams, width, aggregation);
    if (beams < width || beams % width != 0) {
      throw new IllegalArgumentException(
          "beams must be a multiple of the width: " + beams + " beams of width " + width);
    }
  }

  /** Eight beams of width four, ranked by the last step's score. */
  static ComparedSettings of(ComparedStrategy kind, long budget) {
    return new ComparedSettings(kind, budget, 8, 4, Aggregation.LAST);
  }

  /** These settings for a strategy of {@code search --strategy}. */
  StrategySettings ofSearch() {
    return new StrategySettings(Strategy.of(kind.label()), budget, width, aggregation);
  }
}
