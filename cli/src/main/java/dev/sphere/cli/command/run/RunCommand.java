package dev.sphere.cli.command.run;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;
import picocli.CommandLine;

/** {@code sphere run}: what has to do with run directories. */
@Command(
    name = "run",
    description = "Works on run directories.",
    mixinStandardHelpOptions = true,
    subcommands = {RunCheckCommand.class, RunMergeCommand.class, CommandLine.HelpCommand.class})
public final class RunCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }
}
