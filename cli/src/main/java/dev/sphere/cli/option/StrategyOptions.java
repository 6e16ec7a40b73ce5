package dev.sphere.cli.option;

import dev.sphere.engine.strategy.Strategy;
import dev.sphere.engine.strategy.StrategySettings;
import picocli.CommandLine.Option;

/** How a budget of tokens is spent on a problem. */
public final class StrategyOptions extends StrategyShape {
  @Option(names = "--strategy", paramLabel = "NAME",
      description = "sphere, best-of-n, beam, dvts, mcts or rejection, each until --budget is spent (default: the "
          + "paper's search with its --simulations).")
  private String strategy;

  @Option(names = "--budget", paramLabel = "TOKENS",
      description = "With --strategy: tokens a problem (and stage), rollouts and what reward models read included "
          + "(default: 4000).")
  private long budget = 4000;

  /** The settings; null where no strategy was named. */
  public StrategySettings settings() {
    return strategy == null ? null : settings(Strategy.of(strategy), budget);
  }
}
