package dev.sphere.trainer.loop;

import dev.sphere.trainer.checkpoint.Identity;
import dev.sphere.trainer.checkpoint.StepMetrics;
import java.nio.file.Path;

/**
 * How a run ended.
 *
 * @param steps steps made over all its parts
 * @param complete false when it was asked to stop before the last step
 * @param last the last metrics, null when this part of the run made no step
 * @param checkpoint the newest checkpoint
 * @param identity what the run is made of
 */
public record TrainingResult(int steps, boolean complete, StepMetrics last, Path checkpoint, Identity identity) {}
