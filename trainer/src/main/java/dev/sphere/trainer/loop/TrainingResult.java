package dev.sphere.trainer.loop;

import dev.sphere.trainer.checkpoint.Identity;
import dev.sphere.trainer.checkpoint.StepMetrics;
import java.nio.file.Path;

/**
 * The end of a run.
 *
 * @param steps steps made, those before a resume included
 * @param complete false when it was stopped before the last step
 * @param last the last metrics; null when no step was made since the start or resume
 * @param checkpoint the newest checkpoint
 */
public record TrainingResult(int steps, boolean complete, StepMetrics last, Path checkpoint, Identity identity) {}
