package dev.sphere.cli.command;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code sphere train}: from pairs or rows to an adapter or a model. */
@Command(
    name = "train",
    description = "Trains a model: on preference pairs (dpo), on completions to imitate (sft), to judge steps (prm), or on its "
        + "own draws (rl).",
    mixinStandardHelpOptions = true,
    subcommands = {TrainDpoCommand.class, TrainSftCommand.class, TrainPrmCommand.class, TrainRlCommand.class,
      CommandLine.HelpCommand.class})
public final class TrainCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }
}
