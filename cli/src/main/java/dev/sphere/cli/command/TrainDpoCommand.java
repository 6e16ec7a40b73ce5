package dev.sphere.cli.command;

import dev.sphere.cli.option.SettingFlags;
import dev.sphere.cli.option.TrainOptions;
import dev.sphere.engine.run.ModelDefaults;
import dev.sphere.engine.settings.GivenSettings;
import dev.sphere.engine.settings.SettingsTree;
import dev.sphere.trainer.job.JobSettings;
import dev.sphere.trainer.job.PairSettings;
import dev.sphere.trainer.job.TrainJob;
import dev.sphere.trainer.job.TrainTask;
import dev.sphere.trainer.loss.LossSettings;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code sphere train dpo}. */
@Command(
    name = "dpo",
    description = {
      "Trains on preference pairs: DPO and its family.",
      "  ./sphere train dpo --model model.gguf --run runs/search \\",
      "      --adapter-out adapter.gguf",
      "Rows are JSON Lines or Parquet with prompt, chosen and rejected, as TRL has them (texts or messages)."
    },
    modelTransformer = SettingFlags.Adder.class,
    sortOptions = false,
    mixinStandardHelpOptions = true)
public final class TrainDpoCommand extends TrainTaskCommand {
  private static final SettingsTree SETTINGS = SettingsTree.of("The loss", LossSettings.class).and(JobSettings.SETTINGS)
      .and(SettingsTree.of("The pairs", PairSettings.class));

  TrainDpoCommand() {
    super(SETTINGS, "--model", "--run", "--adapter-out", "--resume", "--learning-rate", "--epochs", "--batch-pairs", "--beta",
        "--loss", "--method");
  }

  @Option(
      names = {"--run", "--pairs", "--data"},
      required = true,
      paramLabel = "FILE",
      description = "Preference rows (JSON Lines, Parquet), or the folder of a search run.")
  private Path data;

  @Option(
      names = "--drop-flagged",
      description = "With the folder of a search run: leaves out the pairs that you flagged in the studio (flags.jsonl).")
  private boolean dropFlagged;

  @Override
  TrainTask task() {
    GivenSettings told = flags().told();
    LossSettings loss = SETTINGS.make(LossSettings.class, told);
    PairSettings pairs = SETTINGS.make(PairSettings.class, told);
    if (dropFlagged && pairs.siblings()) {
      throw new IllegalArgumentException("--drop-flagged has no effect with --siblings: flags are about pairs of whole solutions");
    }
    if (dropFlagged && !Files.isDirectory(data)) {
      throw new IllegalArgumentException("--drop-flagged needs the folder of a search run, not " + data);
    }
    return pairs.siblings() ? pairs.siblings(data, loss) : new TrainTask.Prefer(TrainOptions.data(data), dropFlagged, loss);
  }

  @Override
  TrainJob job() {
    GivenSettings told = flags().told();
    TrainJob job = train.job(told);
    String stepEnd = told.has("rejected") ? ModelDefaults.of(job.model()).separator() : null;
    return SETTINGS.make(PairSettings.class, told).cut(job, stepEnd);
  }
}
