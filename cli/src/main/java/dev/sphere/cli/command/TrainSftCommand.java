package dev.sphere.cli.command;

import dev.sphere.cli.option.Inputs;
import dev.sphere.cli.option.SettingFlags;
import dev.sphere.engine.settings.SettingsTree;
import dev.sphere.trainer.job.JobSettings;
import dev.sphere.trainer.job.TrainTask;
import java.nio.file.Path;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** {@code sphere train sft}. */
@Command(
    name = "sft",
    description = {
      "Trains on completions to imitate (supervised fine-tuning).",
      "  ./sphere train sft --model model.gguf --data rows.jsonl \\",
      "      --adapter-out adapter.gguf",
      "Rows are JSON Lines with prompt and completion, or messages, or text."
    },
    modelTransformer = SettingFlags.Adder.class,
    sortOptions = false,
    mixinStandardHelpOptions = true)
public final class TrainSftCommand extends TrainTaskCommand {
  private static final SettingsTree SETTINGS =
      JobSettings.SETTINGS.and(SettingsTree.of("The rows", TrainTask.ImitateRun.class));

  TrainSftCommand() {
    super(SETTINGS, "--model", "--data", "--run", "--adapter-out", "--resume", "--learning-rate", "--epochs",
        "--batch-pairs", "--per-problem", "--method");
  }

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

  @Override
  TrainTask task() {
    if ((data == null) == (run == null)) {
      throw new ParameterException(spec.commandLine(), "give either --data or --run");
    }
    if (run != null) {
      return SETTINGS.make(TrainTask.ImitateRun.class, flags().told(), Map.of(), Map.of("run", run));
    }
    Inputs.require(data);
    return new TrainTask.Imitate(data);
  }
}
