package dev.sphere.cli.command;

import dev.sphere.engine.run.WorkerPlan;
import dev.sphere.trainer.evolve.EvolveWork;
import java.io.IOException;
import java.util.List;
import picocli.CommandLine;

/** Reads a command line in a process that works for another one's run of it. */
public final class WorkerCommand {
  private WorkerCommand() {}

  /**
   * What a process opens to do the tasks of a command.
   *
   * @param line the command line; the command comes first
   * @throws IllegalArgumentException when nobody works for the command, or a file cannot be read here
   */
  public static WorkerPlan plan(List<String> line) {
    List<String> arguments = line.subList(1, line.size());
    try {
      return switch (line.getFirst()) {
        case "search" -> SearchCommand.worker(arguments);
        case "eval" -> EvalCommand.worker(arguments);
        case "generate" -> GenerateCommand.worker(arguments);
        case "evolve" -> EvolveWork.worker(arguments);
        default -> throw new IllegalArgumentException("nobody can work for " + line.getFirst());
      };
    } catch (IOException e) {
      throw new IllegalArgumentException("cannot read what the command names here: " + e.getMessage(), e);
    }
  }

  /** Reads a command's options into it. */
  static <C> C parse(C command, List<String> arguments) {
    new CommandLine(command).setCaseInsensitiveEnumValuesAllowed(true).parseArgs(arguments.toArray(String[]::new));
    return command;
  }
}
