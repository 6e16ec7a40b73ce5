package dev.sphere.cli.command.model;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code sphere model}: what has to do with GGUF files themselves. */
@Command(
    name = "model",
    description = "Looks into, makes and merges GGUF model files, and converts adapters.",
    mixinStandardHelpOptions = true,
    subcommands = {
      ModelInfoCommand.class,
      ModelRandomCommand.class,
      ModelMergeCommand.class,
      ModelAdapterCommand.class,
      CommandLine.HelpCommand.class
    })
public final class ModelCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }
}
