package dev.sphere.cli;

import dev.sphere.bindings.load.NativeUnavailableException;
import dev.sphere.cli.command.DemoCommand;
import dev.sphere.cli.command.DoctorCommand;
import dev.sphere.cli.command.EvalCommand;
import dev.sphere.cli.command.EvalPrmCommand;
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
import dev.sphere.engine.store.StoreException;
import java.io.PrintWriter;
import picocli.CommandLine.Command;
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
    CommandLine commandLine = new CommandLine(new Main());
    CommandLine old = new CommandLine(new EvalPrmCommand()); // what eval prm was called once
    old.setCommandName("eval-prm");
    old.getCommandSpec().usageMessage().hidden(true);
    commandLine.addSubcommand("eval-prm", old);
    commandLine.setCaseInsensitiveEnumValuesAllowed(true);
    commandLine.setOut(Terminal.over(System.out));
    commandLine.setErr(Terminal.over(System.err));
    commandLine.setColorScheme(CommandLine.Help.defaultColorScheme(CommandLine.Help.Ansi.OFF)); // it would be shown
    commandLine.setExecutionExceptionHandler((e, command, parsed) -> report(e, command.getErr()));
    return commandLine.execute(args);
  }

  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
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
