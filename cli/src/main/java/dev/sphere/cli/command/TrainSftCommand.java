package dev.sphere.cli.command;

import dev.sphere.cli.option.Inputs;
import dev.sphere.cli.option.TrainOptions;
import dev.sphere.trainer.job.TrainJob;
import dev.sphere.trainer.job.TrainTask;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
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
      "Rows are JSON Lines with prompt and completion, or messages, or text."
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

  /** Made the embedded models until 0.1; kept so that the old call learns where that went. */
  @Option(names = "--recipe", hidden = true)
  private Path recipe;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    if (recipe != null) {
      throw new ParameterException(spec.commandLine(), "--recipe has moved: embedded models are made by lab/run embedded-model"
          + " --model " + train.model + " --recipe " + recipe + " --out DIR, from a checkout of Sphere's source");
    }
    if ((data == null) == (run == null)) {
      throw new ParameterException(spec.commandLine(), "give either --data or --run");
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
}
