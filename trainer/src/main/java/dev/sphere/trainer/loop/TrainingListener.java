package dev.sphere.trainer.loop;

import dev.sphere.trainer.checkpoint.StepMetrics;
import java.nio.file.Path;

/** Receives a run's progress, on the training thread. */
public interface TrainingListener {
  TrainingListener NONE = new TrainingListener() {};

  /** Training begins or goes on after {@code firstStep} steps. */
  default void started(int firstStep, int totalSteps) {}

  /** Before the first step, {@code done} of {@code total} steps' reference log-probabilities are computed. */
  default void reference(int done, int total) {}

  /** A line of metrics was written. */
  default void step(StepMetrics metrics, int totalSteps) {}

  /** A checkpoint was written. */
  default void checkpoint(Path file) {}

  /** One line for the user. */
  default void note(String line) {}
}
