package dev.sphere.cli.command.web;

import dev.sphere.web.studio.StudioServer;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code sphere studio}: a local page over a folder of runs. */
@Command(
    name = "studio",
    description = {
      "Shows runs in a browser on this machine: trees, pairs, training, evaluations; what is running moves.",
      "  ./sphere studio runs",
      "  ./sphere studio runs/first --open",
      "It ends with Ctrl-C. Nothing is changed but the flags that you set on pairs."
    },
    sortOptions = false,
    mixinStandardHelpOptions = true)
public final class StudioCommand implements Callable<Integer> {
  @Parameters(arity = "0..1", paramLabel = "DIR", defaultValue = ".",
      description = "A folder with runs somewhere below it, or a run's own (default: the folder one is in).")
  private Path folder;

  @Option(names = "--port", paramLabel = "N", defaultValue = "0",
      description = "The port on 127.0.0.1 (default: a free one).")
  private int port;

  @Option(names = "--open", description = "Opens it in your browser.")
  private boolean open;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws InterruptedException {
    serve(spec, folder, port, open);
    return 0;
  }

  /** Serves a folder until the process is told to end. */
  public static void serve(CommandSpec spec, Path folder, int port, boolean open) throws InterruptedException {
    PrintWriter out = spec.commandLine().getOut();
    try (StudioServer server = new StudioServer(folder, port)) {
      out.println("The studio of " + folder.toAbsolutePath().normalize() + " is at");
      out.println("  " + server.address());
      out.println("The address holds a secret of this start: whoever has it can read the runs."
          + " Ctrl-C ends the studio.");
      out.flush();
      if (open) {
        open(server.address(), spec.commandLine().getErr());
      }
      new CountDownLatch(1).await(); // a signal ends the process
    }
  }

  private static void open(URI address, PrintWriter err) {
    String system = System.getProperty("os.name").toLowerCase(Locale.ROOT);
    List<String> command = system.contains("mac") ? List.of("open", address.toString())
        : system.contains("win") ? List.of("rundll32", "url.dll,FileProtocolHandler", address.toString())
        : List.of("xdg-open", address.toString());
    try {
      new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
    } catch (IOException e) {
      err.println("sphere: no browser could be opened (" + e.getMessage() + "); open the address by hand");
      err.flush();
    }
  }
}
