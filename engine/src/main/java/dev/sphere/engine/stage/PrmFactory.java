package dev.sphere.engine.stage;

import dev.sphere.engine.Policy;
import dev.sphere.engine.ProcessRewardModel;

/** Makes the process reward that judges a policy's steps: Monte Carlo rolls out with it, others read its tokens. */
@FunctionalInterface
public interface PrmFactory {
  ProcessRewardModel over(Policy policy);
}
