package dev.sphere.engine.stage;

import dev.sphere.engine.Policy;
import dev.sphere.engine.ProcessRewardModel;
import java.util.Objects;

/**
 * A model that searches, with the process reward that judges its steps (paths are in this policy's tokens).
 *
 * @param policy π, or π_small
 * @param prm π_prm
 */
public record Actor(Policy policy, ProcessRewardModel prm) {
  public Actor {
    Objects.requireNonNull(policy, "policy");
    Objects.requireNonNull(prm, "prm");
  }
}
