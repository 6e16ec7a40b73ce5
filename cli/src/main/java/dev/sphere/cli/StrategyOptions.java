package dev.sphere.cli;

import dev.sphere.engine.reward.Aggregation;
import dev.sphere.engine.strategy.Kind;
import dev.sphere.engine.strategy.StrategySettings;
import picocli.CommandLine.Option;

/** How a budget of tokens is spent on a problem. */
final class StrategyOptions {
  @Option(names = "--strategy", paramLabel = "NAME",
      description = "sphere, best-of-n, beam, dvts, mcts or rejection, each until --budget is spent (default: the "
          + "paper's search with its --simulations).")
  private String strategy;

  @Option(names = "--budget", paramLabel = "TOKENS",
      description = "With --strategy: tokens a problem (and stage), rollouts and what reward models read included "
          + "(default: 4000).")
  private long budget = 4000;

  @Option(names = "--beams", paramLabel = "N", description = "Paths that beam search grows at once (default: 8).")
  private int beams = 8;

  @Option(names = "--width", paramLabel = "M",
      description = "Candidates for each path that is kept, of beam, dvts and mcts (default: 4).")
  private int width = 4;

  @Option(names = "--aggregation", paramLabel = "RULE",
      description = "How step scores rank a solution: last, min, mean or product (default: last).")
  private Aggregation aggregation = Aggregation.LAST;

  /** The settings; null where no strategy was named. */
  StrategySettings settings() {
    return strategy == null ? null : new StrategySettings(Kind.of(strategy), budget, beams, width, aggregation);
  }
}
