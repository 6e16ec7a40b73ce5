package dev.sphere.cli.command;

import dev.sphere.cli.option.SettingFlags;
import dev.sphere.cli.option.TrainOptions;
import dev.sphere.engine.settings.SettingsTree;
import dev.sphere.trainer.job.TrainJob;
import dev.sphere.trainer.job.TrainTask;
import java.util.concurrent.Callable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** A {@code train} command: its flags describe a job and a task, which it runs. */
abstract class TrainTaskCommand implements Callable<Integer>, SettingFlags.Command {
  private final SettingFlags flags;

  @Mixin TrainOptions train;

  @Spec CommandSpec spec;

  /**
   * @param settings the settings that are flags
   * @param first options that come first in help
   */
  TrainTaskCommand(SettingsTree settings, String... first) {
    this.flags = new SettingFlags(settings, first);
  }

  @Override
  public SettingFlags flags() {
    return flags;
  }

  @Override
  public Integer call() {
    TrainTask task = task();
    return TrainRun.run(spec, train, job(), task);
  }

  /** The rows and the objective. */
  abstract TrainTask task();

  /** The model, the settings and the output. */
  TrainJob job() {
    return train.job(flags().told());
  }
}
