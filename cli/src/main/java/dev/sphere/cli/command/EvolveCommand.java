package dev.sphere.cli.command;

import dev.sphere.cli.option.Inputs;
import dev.sphere.cli.progress.EvolveProgress;
import dev.sphere.cli.progress.ProgressBars;
import dev.sphere.trainer.evolve.EndTest;
import dev.sphere.trainer.evolve.Evolve;
import dev.sphere.trainer.evolve.EvolveDryRun;
import dev.sphere.trainer.evolve.EvolveReport;
import dev.sphere.trainer.evolve.EvolveStart;
import dev.sphere.trainer.evolve.Recipe;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.format.DateTimeParseException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
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
      "Makes a model better at problems: finds how to ask it, searches, trains, compares, and says what came of it.",
      "  ./sphere evolve --model model.gguf --problems problems.jsonl --time 45m",
      "  ./sphere evolve --recipe recipes/paper.yaml --run runs/paper",
      "The first writes a recipe with all that it chose. What was interrupted goes on with --resume --run DIR."
    },
    sortOptions = false,
    mixinStandardHelpOptions = true)
public final class EvolveCommand implements Callable<Integer> {
  @Option(names = "--model", paramLabel = "FILE", description = "The model: a GGUF file, or embedded.")
  private String model;

  @Option(names = "--problems", paramLabel = "FILE",
      description = "Problems with known answers: 60 %% are searched, 15 %% choose, 25 %% compare at the end.")
  private String problems;

  @Option(names = "--validation", paramLabel = "FILE",
      description = "Problems that choose, instead of a part of --problems.")
  private String validation;

  @Option(names = "--test", paramLabel = "FILE",
      description = "Problems that compare, instead of a part of --problems.")
  private String test;

  @Option(names = "--time", paramLabel = "TIME",
      description = "Plan for so long in all: 45m, 2h (default: three rounds of up to 600 problems).")
  private String time;

  @Option(names = "--seed", paramLabel = "N", description = "Seed of everything random (default: 1).")
  private Long seed;

  @Option(names = "--recipe", paramLabel = "FILE",
      description = "A recipe instead of --model and --problems; recipes/ has some.")
  private Path recipe;

  @Option(names = "--run", paramLabel = "DIR",
      description = "The run's directory; made if missing (default: runs/MODEL-N; with a recipe it must be given).")
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
    if (recipe == null && (dryRun || master != null)) {
      throw new IllegalArgumentException("--dry-run and --spark want a --recipe; a run without one writes recipe.yaml");
    }
    if (recipe == null) {
      return withoutRecipe();
    }
    Inputs.require(recipe);
    if (told()) {
      throw new IllegalArgumentException(
          "--recipe says it all: leave --model, --problems, --validation, --test, --time and --seed out");
    }
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
    return end(report);
  }

  /** Chooses and writes the recipe, and runs it. */
  private int withoutRecipe() throws IOException, InterruptedException {
    EvolveStart.Asked asked = asked();
    Path directory = run != null ? run : free(Path.of("runs"), asked.model());
    spec.commandLine().getOut().println("Run: " + directory);
    spec.commandLine().getOut().flush();
    Optional<Path> made;
    try (EvolveProgress progress = new EvolveProgress(spec.commandLine().getOut(), spec.commandLine().getErr())) {
      made = new EvolveStart(asked, directory, progress).recipe();
    }
    if (made.isEmpty()) {
      print(spec, json, new TreeMap<>(Map.of("learned", false, "run", directory.toString())));
      return 0;
    }
    spec.commandLine().getOut().println("All of it is written in " + made.get() + ".");
    Recipe written = Recipe.read(made.get());
    EvolveReport report = tell(spec, written, directory, true, evolve -> evolve);
    if (report != null) {
      next(report.test().orElseThrow(), written, directory);
    }
    return end(report);
  }

  /** What the run began with, or what the flags say. */
  private EvolveStart.Asked asked() throws IOException {
    Optional<EvolveStart.Asked> begun = run == null ? Optional.empty() : EvolveStart.begun(run);
    Optional<EvolveStart.Asked> said = model == null || problems == null ? Optional.empty()
        : Optional.of(new EvolveStart.Asked(model, problems, Optional.ofNullable(validation), Optional.ofNullable(test),
            time == null ? 0 : seconds(time), seed == null ? 1 : seed));
    if (begun.isPresent() && (!resume || told() && !said.equals(begun))) {
      throw new IllegalArgumentException(run + " already holds a run: go on with it by --resume and --run alone");
    }
    return begun.or(() -> said).orElseThrow(
        () -> new IllegalArgumentException("give --model FILE and --problems FILE, or a --recipe"));
  }

  /** Whether a flag says something that a recipe, or a begun run, knows. */
  private boolean told() {
    return Stream.of(model, problems, validation, test, time, seed).anyMatch(Objects::nonNull);
  }

  /** 45m, 2h, 1h30m or 90s in seconds. */
  static double seconds(String time) {
    try {
      Duration duration = Duration.parse("PT" + time);
      if (duration.isPositive()) {
        return duration.toSeconds();
      }
    } catch (DateTimeParseException e) {
      // said below
    }
    throw new IllegalArgumentException("--time is a time such as 45m, 2h or 1h30m, not " + time);
  }

  /** The first directory of the model's name and a number that is not there. */
  static Path free(Path runs, String model) {
    String name = Path.of(model).getFileName().toString().replaceFirst("\\.gguf$", "");
    return IntStream.iterate(1, n -> n + 1).mapToObj(n -> runs.resolve(name + "-" + n))
        .filter(Files::notExists).findFirst().orElseThrow();
  }

  /** The adapter, and the commands that go on from here. */
  private void next(EndTest end, Recipe recipe, Path directory) {
    String policy = " --model " + end.model() + end.adapter().map(file -> " --adapter " + file).orElse("");
    String question = String.valueOf(Recipe.SEARCH.value("question", recipe.search()))
        .replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n");
    List.of("", "The adapter: " + end.adapter().map(Path::toString).orElse("none") + " (over " + end.model() + ")",
        "Next:",
        "  ./sphere model merge" + policy + " --out evolved.gguf",
        "  ./sphere eval" + policy + " --problems FILE --max-tokens " + recipe.evaluate().maxTokens() + " --question $'"
            + question + "'",
        "  ./sphere studio " + directory + " --open",
        "  ./sphere export --run " + directory.resolve("round-1/search") + " --format trl-jsonl --out pairs.jsonl")
        .forEach(spec.commandLine().getOut()::println);
  }

  private int end(EvolveReport report) {
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
      report.test().ifPresent(end -> end.lines().forEach(spec.commandLine().getOut()::println));
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
