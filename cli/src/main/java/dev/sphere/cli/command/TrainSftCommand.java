package dev.sphere.cli.command;

import dev.sphere.cli.option.Inputs;
import dev.sphere.cli.option.SettingFlags;
import dev.sphere.cli.option.TrainOptions;
import dev.sphere.engine.settings.SettingsTree;
import dev.sphere.trainer.job.JobSettings;
import dev.sphere.trainer.job.TrainJob;
import dev.sphere.trainer.job.TrainTask;
import java.nio.file.Path;
import java.util.Map;
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
    modelTransformer = SettingFlags.Adder.class,
    sortOptions = false,
    mixinStandardHelpOptions = true)
public final class TrainSftCommand implements Callable<Integer>, SettingFlags.Command {
  private static final SettingsTree SETTINGS =
      JobSettings.SETTINGS.and(SettingsTree.of("The rows", TrainTask.ImitateRun.class));

  private final SettingFlags flags =
      new SettingFlags(SETTINGS, "--model", "--data", "--run", "--adapter-out", "--out", "--resume", "--help");

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

  /** Made the embedded models until 0.1; kept so that the old call learns where that went. */
  @Option(names = "--recipe", hidden = true)
  private Path recipe;

  @Spec private CommandSpec spec;

  @Override
  public SettingFlags flags() {
    return flags;
  }

  @Override
  public Integer call() {
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
    return train.job(flags.told());
  }

  /** What is trained on. */
  TrainTask task() {
    if (run != null) {
      return SETTINGS.make(TrainTask.ImitateRun.class, flags.told(), Map.of(), Map.of("run", run));
    }
    Inputs.require(data);
    return new TrainTask.Imitate(data);
  }
}
