package dev.sphere.cli.command;

import dev.sphere.cli.option.Inputs;
import dev.sphere.cli.option.SettingFlags;
import dev.sphere.engine.settings.SettingsTree;
import dev.sphere.trainer.job.JobSettings;
import dev.sphere.trainer.job.TrainTask;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code sphere train prm}. */
@Command(
    name = "prm",
    description = {
      "Trains a process reward model: a model that says how good each step of a solution is.",
      "  ./sphere train prm --model model.gguf --run runs/search \\",
      "      --model-out prm.gguf",
      "The file that comes out goes to search as --prm. Rows are TRL's stepwise supervision: prompt, completions, labels."
    },
    modelTransformer = SettingFlags.Adder.class,
    sortOptions = false,
    mixinStandardHelpOptions = true)
public final class TrainPrmCommand extends TrainTaskCommand {
  private static final SettingsTree SETTINGS =
      SettingsTree.of("What it says of a step", TrainTask.Judge.class).and(JobSettings.SETTINGS);

  TrainPrmCommand() {
    super(SETTINGS, "--model", "--run", "--adapter-out", "--resume", "--learning-rate", "--epochs", "--batch-pairs", "--labels",
        "--form", "--method");
  }

  @Option(
      names = {"--run", "--data"},
      required = true,
      paramLabel = "FILE",
      description = "Rows with a label for each step (JSON Lines, Parquet), or the folder of a search run.")
  private Path data;

  @Override
  TrainTask task() {
    if (!Files.isDirectory(data)) {
      Inputs.require(data);
    }
    return SETTINGS.make(TrainTask.Judge.class, flags().told(), Map.of(), Map.of("data", data));
  }
}
