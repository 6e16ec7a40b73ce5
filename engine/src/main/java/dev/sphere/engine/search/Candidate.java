package dev.sphere.engine.search;

import dev.sphere.engine.Generation;

/**
 * A candidate step of an expansion, kept in the record whether it survived the pruning or not.
 *
 * @param generation the sampled step
 * @param draw index of the draw that it came from
 * @param count how many draws came out equal to it (itself included)
 * @param terminal no step follows: the solution is complete or was cut
 * @param truncated it ended at a limit (step length, context, depth), not at an answer
 * @param correct a complete solution whose answer is right; false for steps on the way
 * @param prm the process reward model's score, in [0, 1]
 * @param reward R: the score plus the weighted advantage over the parent step
 * @param rollouts completions that the score is the share of: fewer than K where they were stopped early; 0 for a score
 *     that is none, such as a complete solution's own outcome or a trained model's
 */
public record Candidate(Generation generation, int draw, int count, boolean terminal, boolean truncated,
    boolean correct, double prm, double reward, int rollouts) {

  /** A candidate whose score stands on no rollouts. */
  public Candidate(Generation generation, int draw, int count, boolean terminal, boolean truncated, boolean correct,
      double prm, double reward) {
    this(generation, draw, count, terminal, truncated, correct, prm, reward, 0);
  }
}
