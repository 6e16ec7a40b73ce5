package dev.sphere.cli.command;

import dev.sphere.cli.command.web.StudioCommand;
import dev.sphere.trainer.evolve.EvolveReport;
import dev.sphere.trainer.evolve.Recipe;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code sphere demo}: the main job on an embedded model, told as it goes. */
@Command(
    name = "demo",
    description = {
      "A small model gets better at maths with data that it makes itself: two rounds of search, training, comparison.",
      "  ./sphere demo",
      "  ./sphere demo --quick   # the same with fewer problems"
    },
    sortOptions = false,
    mixinStandardHelpOptions = true)
public final class DemoCommand implements Callable<Integer> {
  private static final String QUESTION = "Reduce (52+41)*7+62-(56+(33*7)) digit by digit.";

  @Option(names = "--quick", description = "A third of the problems: about a minute on 2 cores.")
  private boolean quick;

  @Option(names = "--seed", paramLabel = "N", defaultValue = "1", description = "Seed of everything (default: 1).")
  private long seed;

  @Option(names = "--run", paramLabel = "DIR", description = "Keep the run there (default: a temporary directory).")
  private Path run;

  @Option(names = "--resume", description = "Go on with the run in DIR.")
  private boolean resume;

  @Option(names = "--open", description = "Shows the run in your browser at its end, in the studio, until Ctrl-C.")
  private boolean open;

  @Option(names = "--json", description = "One JSON object on the last line.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException, InterruptedException {
    Recipe recipe = recipe();
    Path directory = directory();
    var out = spec.commandLine().getOut();
    out.println("Sphere: a model of 0.6 million parameters, carried in the jar, learns from what it searches itself, in two rounds.");
    out.println("It was trained on expressions with one to three operations, and is asked to reduce longer ones too.");
    out.println("No human wrote a solution; only the problems' final answers are known. The run is kept in " + directory + ".");
    out.println();
    EvolveReport report = EvolveCommand.tell(spec, recipe, directory, resume);
    if (report == null) {
      return 0;
    }
    out.println();
    out.printf("It took %.0f s. Try the evolved model:%n", report.seconds());
    out.println("  ./sphere generate --model " + report.best().artefact() + " --prompt \"" + QUESTION + "\"");
    out.println("See what it searched and learnt, in your browser:");
    out.println("  ./sphere studio " + directory + " --open");
    EvolveCommand.print(spec, json, report.toMap());
    if (open) {
      StudioCommand.serve(spec, directory, 0, true);
    }
    return 0;
  }

  /** Where the run lives; a temporary directory is made here. */
  Path directory() throws IOException {
    return run != null ? run : Files.createTempDirectory("sphere-demo-").resolve("run");
  }

  /** What is done. */
  Recipe recipe() throws IOException {
    String name = quick ? "demo-quick.yaml" : "demo.yaml";
    try (InputStream in = DemoCommand.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException("the jar lacks its recipe " + name);
      }
      return Recipe.parse(new String(in.readAllBytes(), StandardCharsets.UTF_8)).withSeed(seed);
    }
  }
}
