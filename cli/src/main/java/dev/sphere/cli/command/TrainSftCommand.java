package dev.sphere.cli.command;

import dev.sphere.cli.option.Inputs;
import dev.sphere.cli.option.TrainOptions;
import dev.sphere.cli.progress.TrainProgress;
import dev.sphere.trainer.embedded.EmbeddedRecipe;
import dev.sphere.trainer.embedded.EmbeddedTraining;
import dev.sphere.trainer.job.TrainJob;
import dev.sphere.trainer.job.TrainTask;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code sphere train sft}. */
@Command(
    name = "sft",
    description = {
      "Trains on completions to imitate (supervised fine-tuning).",
      "  sphere train sft --model model.gguf --data rows.jsonl --adapter-out adapter.gguf",
      "Rows are JSON Lines with prompt and completion, or messages, or text.",
      "The embedded models were made from random weights with:",
      "  sphere train sft --model embedded --recipe recipes/embedded-model.yaml --out runs/embedded"
    },
    mixinStandardHelpOptions = true)
public final class TrainSftCommand implements Callable<Integer> {
  @Mixin private TrainOptions train;

  @Option(names = "--data", paramLabel = "FILE", description = "The rows (JSON Lines, Parquet).")
  private Path data;

  @Option(
      names = "--run",
      paramLabel = "DIR",
      description = {
        "Instead of --data: the right solutions that a search run found, those that were pruned included (rejection",
        "sampling)."
      })
  private Path run;

  @Option(
      names = "--per-problem",
      defaultValue = "4",
      paramLabel = "N",
      description = "With --run: most solutions of a problem, the highest rewards first; 0: all (default: ${DEFAULT-VALUE}).")
  private int perProblem;

  @Option(
      names = "--reward-temperature",
      defaultValue = "0",
      paramLabel = "T",
      description = "With --run: a solution counts exp(R / T), a problem's mean being 1; 0: all alike (default: ${DEFAULT-VALUE}).")
  private double rewardTemperature;

  @Option(
      names = "--recipe",
      paramLabel = "FILE",
      description = {
        "Instead of --data: makes the embedded model that --model names anew, from random weights. The recipe sets",
        "everything but --out and --threads."
      })
  private Path recipe;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    if (Stream.of(data, run, recipe).filter(Objects::nonNull).count() != 1) {
      throw new ParameterException(spec.commandLine(), "give either --data, --run or --recipe");
    }
    if (recipe != null) {
      return embedded();
    }
    TrainTask task = task();
    return TrainRun.run(spec, train, job(), task);
  }

  /** How it is trained. */
  TrainJob job() {
    return train.job();
  }

  /** What is trained on. */
  TrainTask task() {
    if (run != null) {
      return new TrainTask.ImitateRun(run, perProblem, rewardTemperature);
    }
    Inputs.require(data);
    return new TrainTask.Imitate(data);
  }

  private int embedded() throws IOException {
    if (train.out == null) {
      throw new ParameterException(spec.commandLine(), "--recipe needs --out DIR, the folder for the model and its run");
    }
    Path file;
    try (TrainProgress progress = new TrainProgress(spec.commandLine().getErr())) {
      file = EmbeddedTraining.run(train.model, EmbeddedRecipe.read(recipe), train.out, train.threads, progress);
    }
    spec.commandLine().getOut().println("Wrote " + file + ".");
    return 0;
  }
}
