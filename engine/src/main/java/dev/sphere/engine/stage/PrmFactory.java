package dev.sphere.engine.stage;

import dev.sphere.engine.Policy;
import dev.sphere.engine.ProcessRewardModel;

/**
 * Makes the process reward that judges a policy's steps: Monte Carlo rolls out with the policy, other rewards read its
 * tokens. Safe for many threads; closing it twice does no harm.
 */
@FunctionalInterface
public interface PrmFactory extends AutoCloseable {
  ProcessRewardModel over(Policy policy);

  /** Tokens that the reward's own models have read; rollouts of the policy are not among them. */
  default long tokens() {
    return 0;
  }

  /** The number of models that read a step to score it; 0 where the policy's rollouts score it, or no model does. */
  default int passes() {
    return 0;
  }

  /** Forgets the scores that are known, so that another measurement pays for its own. */
  default void forget() {}

  /** Closes the reward's own models. */
  @Override
  default void close() {}
}
