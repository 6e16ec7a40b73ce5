package dev.sphere.engine.stage;

import dev.sphere.engine.Policy;

/** A way to explore problems with a model: makes an {@link Explorer} over its policy and process reward. */
@FunctionalInterface
public interface Exploration {
  Explorer over(Policy policy, PrmFactory prm);
}
