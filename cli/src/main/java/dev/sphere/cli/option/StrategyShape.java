package dev.sphere.cli.option;

import dev.sphere.engine.reward.Aggregation;
import dev.sphere.engine.strategy.Strategy;
import dev.sphere.engine.strategy.StrategySettings;
import picocli.CommandLine.Option;

/** How wide strategies grow, and how step scores rank what they find. */
public class StrategyShape {
  @Option(names = "--beams", paramLabel = "N", description = "Paths that beam search grows at once (default: 8).")
  private int beams = 8;

  @Option(names = "--width", paramLabel = "M",
      description = "Candidates for each path that is kept, of beam, dvts and mcts; samples at a time (default: 4).")
  private int width = 4;

  @Option(names = "--aggregation", paramLabel = "RULE",
      description = "How step scores rank a solution: last, min, mean or product (default: last).")
  private Aggregation aggregation = Aggregation.LAST;

  public final StrategySettings settings(Strategy kind, long budget) {
    return new StrategySettings(kind, budget, beams, width, aggregation);
  }
}
