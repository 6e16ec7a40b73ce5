package dev.sphere.cli.command;

import dev.sphere.cli.option.Inputs;
import dev.sphere.cli.progress.EvolveProgress;
import dev.sphere.cli.progress.ProgressBars;
import dev.sphere.trainer.evolve.Evolve;
import dev.sphere.trainer.evolve.EvolveDryRun;
import dev.sphere.trainer.evolve.EvolveReport;
import dev.sphere.trainer.evolve.Recipe;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import picocli.CommandLine;
import tools.jackson.databind.json.JsonMapper;

/** {@code sphere evolve}: rounds from one recipe. */
@Command(
    name = "evolve",
    description = {
      "Rounds of search, training and comparison, from one YAML recipe.",
      "  ./sphere evolve --recipe recipes/paper.yaml --run runs/paper",
      "What was interrupted goes on with the same command and --resume."
    },
    sortOptions = false,
    mixinStandardHelpOptions = true)
public final class EvolveCommand implements Callable<Integer> {
  @Option(names = "--recipe", required = true, paramLabel = "FILE", description = "The recipe; recipes/ has some.")
  private Path recipe;

  @Option(names = "--run", paramLabel = "DIR", description = "The run's directory; made if missing. Not needed with --dry-run.")
  private Path run;

  @Option(names = "--resume", description = "Go on with the run in DIR; begin one if there is none.")
  private boolean resume;

  @Option(names = "--spark", paramLabel = "MASTER",
      description = "Search and evaluate on a Spark cluster, train here: " + OnSpark.HELP)
  private String master;

  @Option(names = "--dry-run",
      description = "Try an evaluation and a search for about a minute each, and say what the whole will take. Nothing is kept.")
  private boolean dryRun;

  @Option(names = "--json", description = "One JSON object on the last line.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException, InterruptedException {
    Inputs.require(recipe);
    if (master != null && dryRun) {
      throw new IllegalArgumentException("--dry-run tries this machine: leave --spark out");
    }
    if (master != null && !OnSpark.here()) {
      return OnSpark.submit(master, spec);
    }
    if (dryRun) {
      return dryRun();
    }
    if (run == null) {
      throw new CommandLine.ParameterException(spec.commandLine(), "--run DIR is missing");
    }
    EvolveReport report;
    try (OnSpark spark = OnSpark.open(master, "evolve " + run)) {
      report = tell(spec, Recipe.read(recipe), run, resume,
          evolve -> spark.cluster().map(c -> evolve.on(c, recipe.toAbsolutePath())).orElse(evolve));
    }
    if (report != null) {
      print(spec, json, report.toMap());
    }
    return 0;
  }

  private int dryRun() throws IOException, InterruptedException {
    if (resume) {
      throw new IllegalArgumentException("--dry-run speaks of a run from its beginning, and keeps nothing: leave --resume out");
    }
    EvolveDryRun expected;
    try (ProgressBars progress = new ProgressBars("dry run", spec.commandLine().getErr())) {
      expected = EvolveDryRun.of(Recipe.read(recipe), progress);
    }
    expected.lines().forEach(spec.commandLine().getOut()::println);
    print(spec, json, expected.toMap());
    return 0;
  }

  /** Runs a recipe and tells how it goes; null when a training was stopped, which is said. */
  static EvolveReport tell(CommandSpec spec, Recipe recipe, Path run, boolean resume) throws IOException, InterruptedException {
    return tell(spec, recipe, run, resume, evolve -> evolve);
  }

  private static EvolveReport tell(CommandSpec spec, Recipe recipe, Path run, boolean resume, UnaryOperator<Evolve> where)
      throws IOException, InterruptedException {
    try (EvolveProgress progress = new EvolveProgress(spec.commandLine().getOut(), spec.commandLine().getErr())) {
      AtomicReference<Evolve> evolve = new AtomicReference<>();
      EvolveReport report;
      try (OrderlyStop stop = new OrderlyStop(() -> evolve.get() != null && evolve.get().isTraining())) {
        evolve.set(where.apply(new Evolve(recipe, run, resume, progress, stop::asked)));
        report = evolve.get().run();
        if (report == null) { // said before the process may end
          spec.commandLine().getOut()
              .println("Stopped in the middle of a training, which is saved; go on with the same command and --resume.");
          spec.commandLine().getOut().flush();
          return null;
        }
      }
      if (report.rounds().size() > 1) {
        var out = spec.commandLine().getOut();
        out.println();
        report.summary().forEach(out::println);
        out.println(report.chosenBy());
        out.println("More figures: " + run.resolve("rounds.md") + ". The best policy is that of round " + report.best().round() + ": " + report.best().artefact());
      }
      return report;
    }
  }

  static void print(CommandSpec spec, boolean json, Map<String, Object> result) {
    if (json) {
      spec.commandLine().getOut().println(JsonMapper.shared().writeValueAsString(result));
    }
    spec.commandLine().getOut().flush();
  }
}
