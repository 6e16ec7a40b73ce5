package dev.sphere.cli;

import dev.sphere.bindings.load.NativeUnavailableException;
import dev.sphere.cli.command.DemoCommand;
import dev.sphere.cli.command.DoctorCommand;
import dev.sphere.cli.command.EvalCommand;
import dev.sphere.cli.command.EvolveCommand;
import dev.sphere.cli.command.ExportCommand;
import dev.sphere.cli.command.GenerateCommand;
import dev.sphere.cli.command.GradeCommand;
import dev.sphere.cli.command.PagesCommand;
import dev.sphere.cli.command.ScoreCommand;
import dev.sphere.cli.command.SearchCommand;
import dev.sphere.cli.command.TrainCommand;
import dev.sphere.cli.command.Version;
import dev.sphere.cli.command.bench.BenchCommand;
import dev.sphere.cli.command.model.ModelCommand;
import dev.sphere.cli.command.run.RunCommand;
import dev.sphere.cli.command.web.ServeCommand;
import dev.sphere.cli.command.web.StudioCommand;
import dev.sphere.cli.progress.Terminal;
import dev.sphere.engine.settings.Names;
import dev.sphere.engine.store.StoreException;
import java.io.PrintWriter;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;
import picocli.CommandLine;

/**
 * The command line. Exit status: 0 done, 1 the work failed, 2 a mistake in the call or the set-up. With {@code
 * SPHERE_DEBUG=1} in the environment an error brings its stack trace; {@link Logging} for {@code SPHERE_LOG}.
 */
@Command(
    name = "sphere",
    description = "Makes a small language model better at maths with data that it makes itself.",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      DemoCommand.class,
      EvolveCommand.class,
      SearchCommand.class,
      TrainCommand.class,
      EvalCommand.class,
      PagesCommand.class,
      StudioCommand.class,
      ServeCommand.class,
      GradeCommand.class,
      ScoreCommand.class,
      GenerateCommand.class,
      ModelCommand.class,
      BenchCommand.class,
      RunCommand.class,
      ExportCommand.class,
      DoctorCommand.class,
      picocli.AutoComplete.GenerateCompletion.class,
      CommandLine.HelpCommand.class
    })
public final class Main implements Runnable {
  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  public static void main(String[] args) {
    Logging.configure(System.getenv("SPHERE_LOG"));
    System.exit(run(args));
  }

  /** Runs one command line in this JVM and returns its exit status. */
  public static int run(String... args) {
    return commandLine().setOut(Terminal.over(System.out)).setErr(Terminal.over(System.err)).execute(args);
  }

  /** All commands; whoever runs one sets where it prints. */
  static CommandLine commandLine() {
    CommandLine commandLine = new CommandLine(new Main());
    commandLine.setCaseInsensitiveEnumValuesAllowed(true);
    commandLine.setColorScheme(CommandLine.Help.defaultColorScheme(CommandLine.Help.Ansi.OFF)); // it would be shown
    commandLine.setExecutionExceptionHandler((e, command, parsed) -> report(e, command.getErr()));
    commandLine.setParameterExceptionHandler(Main::mistake);
    return commandLine;
  }

  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }

  /** One line for a mistake in the call, with the nearest name that there is. */
  private static int mistake(ParameterException e, String[] args) {
    CommandLine command = e.getCommandLine();
    String name = command.getCommandSpec().qualifiedName();
    String words = switch (e) {
      case UnmatchedArgumentException u -> {
        String word = u.getUnmatched().getFirst();
        boolean flag = word.startsWith("-");
        yield "there is no " + (flag ? "flag " : command.getSubcommands().isEmpty() ? "argument " : "command ") + word
            + Names.meant(word.split("=", 2)[0],
                flag ? command.getCommandSpec().optionsMap().keySet() : command.getSubcommands().keySet());
      }
      case MissingParameterException m when m.getMessage().startsWith("Missing required option") ->
          m.getMissing().stream().map(Main::name).collect(Collectors.joining(" and ")) + " is missing";
      default -> e.getMessage().lines().findFirst().orElse("");
    };
    command.getErr().println(name + ": " + words + (words.endsWith("?") ? "" : " (" + name + " --help)"));
    return 2;
  }

  private static String name(ArgSpec missing) {
    return missing instanceof OptionSpec option
        ? String.join(" or ", option.names()) + " " + option.paramLabel() : missing.paramLabel();
  }

  private static int report(Throwable e, PrintWriter err) {
    String message = e.getMessage();
    err.println("sphere: " + (message == null || message.isBlank() ? e.toString() : message));
    if (System.getenv("SPHERE_DEBUG") != null) {
      e.printStackTrace(err);
    }
    boolean mistake = e instanceof NativeUnavailableException
        || e instanceof IllegalArgumentException
        || e instanceof StoreException.Refused;
    return mistake ? 2 : 1;
  }
}
