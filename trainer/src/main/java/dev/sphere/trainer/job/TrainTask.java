package dev.sphere.trainer.job;

import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.settings.Nested;
import dev.sphere.engine.settings.Setting;
import dev.sphere.engine.settings.SettingsTree;
import dev.sphere.trainer.data.RunTrees.LabelSource;
import dev.sphere.trainer.loss.LossSettings;
import java.nio.file.Path;
import java.util.List;

/** A training's data and objective. */
public sealed interface TrainTask {
  /** The preference loss; null for other objectives. */
  default LossSettings loss() {
    return null;
  }

  /** The file or folder of the rows, for messages. */
  default String source() {
    return switch (this) {
      case Imitate t -> t.data().toString();
      case ImitateRun t -> t.run().toString();
      case Prefer t -> t.data().toString();
      case PreferPairs t -> "pairs";
      case PreferSiblings t -> t.run().toString();
      case Judge t -> t.data().toString();
    };
  }

  /** Supervised fine-tuning on a file of imitation rows. */
  record Imitate(Path data) implements TrainTask {}

  /**
   * Rejection sampling: supervised fine-tuning on the right solutions of a search run, its probe's and those drawn
   * without a tree included.
   *
   * @param run the run's folder
   * @param perProblem most solutions of a problem, those of the highest reward (a solution in no tree has 1); 0: all
   * @param temperature reward-weighted regression (Peters and Schaal 2007): solutions weigh exp(R / temperature),
   *     over the problem's mean; 0: all weigh 1
   */
  record ImitateRun(
      Path run,
      @Setting(def = "4", range = "[0, )", label = "N", needs = "run",
          help = "Most solutions of a problem of the run, the highest rewards first; 0: all.")
      int perProblem,
      @Setting(name = "reward_temperature", def = "0", range = "[0, )", label = "T", needs = "run",
          help = "A run's solution counts exp(R / T), a problem's mean being 1; 0: all count alike.")
      double temperature) implements TrainTask {
    public ImitateRun {
      SettingsTree.requireRanges(ImitateRun.class, run, perProblem, temperature);
    }
  }

  /**
   * Preference optimisation on a file of preference rows, or a run's pairs.jsonl.
   *
   * @param dropFlagged leaves out the pairs that a reader has flagged in {@code flags.jsonl} beside the file
   */
  record Prefer(Path data, boolean dropFlagged, LossSettings loss) implements TrainTask {
    public Prefer(Path data, LossSettings loss) {
      this(data, false, loss);
    }
  }

  /** Preference optimisation on pairs in memory. */
  record PreferPairs(List<PreferencePair> pairs, LossSettings loss) implements TrainTask {}

  /**
   * Preference optimisation on S_max against its sibling S_min of every expansion in a run's trees.
   *
   * @param run the run's folder
   * @param margin least difference of the two rewards
   */
  record PreferSiblings(Path run, double margin, LossSettings loss) implements TrainTask {}

  /**
   * Training of a process reward model.
   *
   * @param data a file of stepwise supervision, or a run's folder
   * @param labels the source of a run's labels
   * @param stepEnd the text that ends a file's steps, added where it is missing
   */
  record Judge(
      Path data,
      @Setting(def = "prm", label = "FROM",
          help = "Where a run's labels come from: prm (the reward that the search recorded; with Monte Carlo, the "
              + "share of right completions), prm-hard (1 if that is above 0), tree (the share of right solutions "
              + "below the step).")
      LabelSource labels,
      @Nested PrmForm form,
      @Setting(def = "\n\n", shown = "an empty line", label = "TEXT", escapes = true,
          help = "With a file: what steps end with, added where they do not.")
      String stepEnd) implements TrainTask {}
}
