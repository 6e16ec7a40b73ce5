package dev.sphere.cli.command;

import dev.sphere.cli.option.Inputs;
import dev.sphere.cli.option.TrainOptions;
import dev.sphere.trainer.data.RunTrees.LabelSource;
import dev.sphere.trainer.job.PrmForm;
import dev.sphere.trainer.job.TrainJob;
import dev.sphere.trainer.job.TrainTask;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code sphere train prm}. */
@Command(
    name = "prm",
    description = {
      "Trains a process reward model: a model that says how good each step of a solution is.",
      "  sphere train prm --model model.gguf --run runs/search --model-out prm.gguf",
      "The file that comes out goes to search as --prm. Rows are TRL's stepwise supervision: prompt, completions, labels."
    },
    mixinStandardHelpOptions = true)
public final class TrainPrmCommand implements Callable<Integer> {
  @Mixin private TrainOptions train;

  @Option(
      names = {"--data", "--run"},
      required = true,
      paramLabel = "FILE",
      description = "Rows with a label for each step (JSON Lines, Parquet), or the folder of a search run.")
  private Path data;

  @Option(
      names = "--labels",
      defaultValue = "prm",
      paramLabel = "FROM",
      description = {
        "Where a run's labels come from: prm (the reward that the search recorded; with Monte Carlo, the share of right",
        "completions), prm-hard (1 if that is above 0), tree (the share of right solutions below the step in its tree);",
        "default: ${DEFAULT-VALUE}."
      })
  private String labels;

  @Option(
      names = "--form",
      defaultValue = "token",
      description = {
        "How the model says what a step is worth: token (the logits of two label tokens) or head (two classes on the",
        "hidden state, as Qwen2.5-Math-PRM has it); default: ${DEFAULT-VALUE}."
      })
  private String form;

  @Option(names = "--good-token", defaultValue = "+", description = "Label of a good step (default: ${DEFAULT-VALUE}).")
  private String good;

  @Option(names = "--bad-token", defaultValue = "-", description = "Label of a bad step (default: ${DEFAULT-VALUE}).")
  private String bad;

  @Option(
      names = "--separator-token",
      paramLabel = "TOKEN",
      description = "Token after each step, at which the score is read (default: none, it is read at the step's own end).")
  private String separator;

  @Option(
      names = "--step-end",
      defaultValue = "\\n\\n",
      paramLabel = "TEXT",
      description = "With a file: what steps end with, added where they do not (default: an empty line).")
  private String stepEnd;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    TrainTask task = task();
    return TrainRun.run(spec, train, job(), task);
  }

  /** How it is trained. */
  TrainJob job() {
    return train.job();
  }

  /** What is trained on, and how the model answers. */
  TrainTask task() {
    if (!Files.isDirectory(data)) {
      Inputs.require(data);
    }
    PrmForm prm = switch (form) {
      case "token" -> new PrmForm(good, bad, separator);
      case "head" -> PrmForm.head(separator);
      default -> throw new IllegalArgumentException("--form must be token or head, not '" + form + "'");
    };
    return new TrainTask.Judge(data, LabelSource.of(labels), prm, TrainOptions.separator(stepEnd));
  }
}
