package dev.sphere.engine.search;

import java.util.Locale;

/**
 * The value that the end of a path adds to every node above it, besides the outcome weight of a right answer. The
 * choices were compared in lab/notebooks/2026-11-26-which-value-is-backed-up.md and hardly differ. {@link #ADVANTAGE} makes a right
 * answer after a risky step look better than the same answer after a safe step.
 */
public enum Backup {
  /** Nothing. */
  OUTCOME,
  /** The process reward of the last step. */
  SCORE,
  /** The mean process reward of the path's steps. */
  MEAN,
  /** R of the last step, its advantage included. */
  ADVANTAGE;

  /** The name in files. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  double of(SearchNode end) {
    return switch (this) {
      case OUTCOME -> 0;
      case SCORE -> end.step().prm();
      case MEAN -> {
        double sum = 0;
        for (SearchNode node = end; node.step() != null; node = node.parent()) {
          sum += node.step().prm();
        }
        yield sum / end.depth();
      }
      case ADVANTAGE -> end.step().reward();
    };
  }
}
