package dev.sphere.trainer.job;

import dev.sphere.engine.PreferencePair;
import dev.sphere.trainer.data.RunTrees.LabelSource;
import dev.sphere.trainer.loss.LossSettings;
import java.nio.file.Path;
import java.util.List;

/** What is trained on, and what is minimised. */
public sealed interface TrainTask {
  /** The preference loss; null for what has none. */
  default LossSettings loss() {
    return null;
  }

  /** Supervised fine-tuning on a file of imitation rows. */
  record Imitate(Path data) implements TrainTask {}

  /**
   * Rejection sampling: supervised fine-tuning on the right solutions that a search run found.
   *
   * @param run the run's folder
   * @param perProblem most solutions of a problem, those of the highest reward; 0: all
   * @param temperature reward-weighted regression (Peters and Schaal 2007): a solution counts exp(R / temperature), its
   *     problem's mean being 1; 0: all count alike
   */
  record ImitateRun(Path run, int perProblem, double temperature) implements TrainTask {
    public ImitateRun {
      if (perProblem < 0 || !(temperature >= 0) || Double.isInfinite(temperature)) {
        throw new IllegalArgumentException("solutions of a problem and the temperature of their weights must not be "
            + "negative: " + perProblem + ", " + temperature);
      }
    }
  }

  /** Preference optimisation on a file of preference rows, or a run's pairs.jsonl. */
  record Prefer(Path data, LossSettings loss) implements TrainTask {}

  /** Preference optimisation on pairs in memory. */
  record PreferPairs(List<PreferencePair> pairs, LossSettings loss) implements TrainTask {}

  /**
   * Preference optimisation on every S_max against its sibling S_min in a run's trees.
   *
   * @param run the run's folder
   * @param margin least difference of the two rewards
   */
  record PreferSiblings(Path run, double margin, LossSettings loss) implements TrainTask {}

  /**
   * A process reward model.
   *
   * @param data a file of stepwise supervision, or a run's folder
   * @param labels where a run's labels come from
   * @param form how the model says what a step is worth
   * @param stepEnd the text that a file's steps end with, added where they do not
   */
  record Judge(Path data, LabelSource labels, PrmForm form, String stepEnd) implements TrainTask {}
}
