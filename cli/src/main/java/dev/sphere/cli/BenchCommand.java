package dev.sphere.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code sphere bench}. */
@Command(
    name = "bench",
    description = "Measures this machine, each figure beside its baseline in the same run.",
    mixinStandardHelpOptions = true,
    subcommands = {BenchRolloutsCommand.class, BenchTrainCommand.class})
final class BenchCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }
}
