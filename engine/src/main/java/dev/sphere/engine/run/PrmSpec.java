package dev.sphere.engine.run;

import dev.sphere.engine.OutcomeReward;
import dev.sphere.engine.reward.MonteCarloPrm;
import dev.sphere.engine.reward.OutcomePrm;
import dev.sphere.engine.reward.RandomPrm;
import dev.sphere.engine.stage.PrmFactory;

/**
 * Which process reward judges the steps.
 *
 * @param kind {@code mc}: Monte Carlo rollouts; {@code random} and {@code outcome}: controls
 * @param monteCarlo how {@code mc} rolls out
 */
public record PrmSpec(String kind, MonteCarloPrm.Settings monteCarlo) {
  /** @throws IllegalArgumentException when there is no such kind */
  public PrmSpec {
    switch (kind) {
      case "mc", "random", "outcome" -> { }
      default -> throw new IllegalArgumentException("unknown process reward \"" + kind
          + "\"; there are mc (Monte Carlo rollouts), random and outcome (controls)");
    }
  }

  PrmFactory factory(OutcomeReward outcome) {
    return switch (kind) {
      case "mc" -> policy -> new MonteCarloPrm(policy, outcome, monteCarlo);
      case "random" -> policy -> new RandomPrm();
      default -> policy -> new OutcomePrm(policy, outcome);
    };
  }
}
