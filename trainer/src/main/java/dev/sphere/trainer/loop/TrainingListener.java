package dev.sphere.trainer.loop;

import dev.sphere.trainer.checkpoint.StepMetrics;
import java.nio.file.Path;

/** Hears of a run's progress, on the training thread. */
public interface TrainingListener {
  /** Hears nothing. */
  TrainingListener NONE = new TrainingListener() {};

  /** Training begins (again) at a step; steps before it were made by an earlier run. */
  default void started(int firstStep, int totalSteps) {}

  /** The reference's log-probabilities are computed beforehand: so many of so many micro-batches are done. */
  default void reference(int done, int total) {}

  /** An optimizer step was made; steps are counted from 1. */
  default void step(StepMetrics metrics, int totalSteps) {}

  /** A checkpoint was written. */
  default void checkpoint(Path file) {}

  /** Something worth saying, one line. */
  default void note(String line) {}
}
