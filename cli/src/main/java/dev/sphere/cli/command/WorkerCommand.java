package dev.sphere.cli.command;

import dev.sphere.engine.run.Worker;
import dev.sphere.trainer.evolve.EvolveWork;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import picocli.CommandLine;

/** Loads the models of a command line in a process that works for another one's run of it. */
public final class WorkerCommand {
  private WorkerCommand() {}

  /**
   * Opens what does the tasks of a command.
   *
   * @param command its command line; the command comes first
   * @param identity what that run's results are made from
   * @param fits given the models' files before they are loaded, null among them; throws where they do not fit
   * @throws IllegalArgumentException when this process would make something else, or cannot read the files
   */
  public static Worker open(List<String> command, Map<String, String> identity, Consumer<List<Path>> fits) {
    try {
      return open(command.getFirst(), command.subList(1, command.size()), identity, fits);
    } catch (IOException e) {
      throw new IllegalArgumentException("cannot read what the command names here: " + e.getMessage(), e);
    }
  }

  private static Worker open(String command, List<String> arguments, Map<String, String> identity, Consumer<List<Path>> fits)
      throws IOException {
    return switch (command) {
      case "search" -> SearchCommand.worker(arguments, identity, fits);
      case "eval" -> EvalCommand.worker(arguments, identity, fits);
      case "generate" -> GenerateCommand.worker(arguments, identity, fits);
      case "evolve" -> EvolveWork.open(arguments, identity, fits);
      default -> throw new IllegalArgumentException("nobody can work for " + command);
    };
  }

  /** Reads a command's options into it. */
  static void parse(Object command, List<String> arguments) {
    new CommandLine(command).setCaseInsensitiveEnumValuesAllowed(true).parseArgs(arguments.toArray(String[]::new));
  }
}
