package dev.sphere.cli.command.bench;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code sphere bench}. */
@Command(
    name = "bench",
    description = {
      "Measures this machine: medians of the repetitions, with the slowest and the fastest one. Nothing else should",
      "run meanwhile. Benchmarks beside llama.cpp: lab/run bench, in the sources."
    },
    mixinStandardHelpOptions = true,
    subcommands = {BenchRolloutsCommand.class, BenchTrainCommand.class})
public final class BenchCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }
}
