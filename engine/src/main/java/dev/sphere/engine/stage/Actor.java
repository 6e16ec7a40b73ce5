package dev.sphere.engine.stage;

import dev.sphere.engine.Policy;
import java.util.Objects;

/**
 * A model that searches, and the process reward that judges its steps.
 *
 * @param policy π, or π_small
 * @param prm makes π_prm over the policy; its paths are in the policy's tokens
 */
public record Actor(Policy policy, PrmFactory prm) {
  public Actor {
    Objects.requireNonNull(policy, "policy");
    Objects.requireNonNull(prm, "prm");
  }
}
