package dev.sphere.trainer.job;

import dev.sphere.engine.settings.Setting;
import dev.sphere.trainer.loss.LossSettings;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The part of a pair that is trained, and the kind of a run's pairs.
 *
 * @param rejectFirstStep null where {@code rejected} decides
 * @param stepPairs null where pairs are not cut to two steps
 */
public record PairSettings(
    @Setting(def = "whole", label = "PART",
        help = "What of a rejected completion counts: whole, or first_step: up to the end of its first step that "
            + "differs from the chosen one's, where steps end as the model's do.")
    Part rejected,
    @Setting(label = "SEPARATOR", shown = "the whole completion counts", escapes = true,
        help = "A rejected completion counts only up to the end of its first step that differs from the chosen one's; "
            + "steps end with this text.")
    String rejectFirstStep,
    @Setting(label = "SEPARATOR", shown = "the whole completions are the pair", escapes = true,
        needs = {"!reject_first_step", "!rejected=first_step"},
        help = "Step-DPO: a pair is its two first steps that differ, after the steps that both begin with; steps end "
            + "with this text.")
    String stepPairs,
    @Setting(needs = {"!reject_first_step", "!rejected=first_step", "!step_pairs"},
        help = "With the folder of a search run: every S_max against its sibling S_min in the policy's own trees, in "
            + "place of the pairs of whole solutions.")
    boolean siblings,
    @Setting(def = "0", shown = "0, any", range = "[0, )", label = "R", needs = "siblings",
        help = "Least difference of the two siblings' rewards.")
    double siblingMargin) {
  /** The part of a rejected completion that counts. */
  public enum Part {
    WHOLE,
    FIRST_STEP
  }

  /** Adds these cuts to a job. {@code stepEnd} is the text that ends a step of the search. */
  public TrainJob cut(TrainJob job, String stepEnd) {
    if (stepPairs != null) {
      return job.withStepPairs(stepPairs);
    }
    return job.withStepSeparator(rejectFirstStep != null || rejected == Part.WHOLE ? rejectFirstStep : stepEnd);
  }

  /** The task of training on the siblings of a run's folder. */
  public TrainTask siblings(Path run, LossSettings loss) {
    if (!Files.isDirectory(run)) {
      throw new IllegalArgumentException("siblings needs the folder of a search run, not " + run);
    }
    return new TrainTask.PreferSiblings(run, siblingMargin, loss);
  }
}
