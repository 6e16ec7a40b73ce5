package dev.sphere.trainer.evolve;

import dev.sphere.base.AtomicFile;
import dev.sphere.base.HeldFiles;
import dev.sphere.base.InFlight;
import dev.sphere.base.PlainFile;
import dev.sphere.base.Scratch;
import dev.sphere.bindings.load.NativeRuntime;
import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.Problem;
import dev.sphere.engine.Progress;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.data.WorkedExamples;
import dev.sphere.engine.decode.BatchedPolicy;
import dev.sphere.engine.decode.Precision;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.embedded.ProblemSource;
import dev.sphere.engine.eval.EvalResult;
import dev.sphere.engine.eval.Statistics;
import dev.sphere.engine.probe.AskingChoice;
import dev.sphere.engine.probe.Probed;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.reward.GradedAnswers;
import dev.sphere.engine.run.ModelDefaults;
import dev.sphere.gguf.model.GgufFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import tools.jackson.databind.json.JsonMapper;

/**
 * Begins an evolution of which only model and problems are told: splits the problems, finds how to ask the model, looks
 * whether there is something to learn from, measures, plans, and writes all that it chose into a recipe. {@link Evolve}
 * then runs that recipe, which holds everything that the clock decided; so a resumed run, and the recipe alone, give
 * the same bytes.
 */
public final class EvolveStart {
  /** The recipe's name in a run's directory. */
  public static final String RECIPE = "recipe.yaml";

  static final String FOLDER = "start";
  private static final String ASKED = "asked.json";
  private static final float TEMPERATURE = 0.8f; // the paper's
  private static final int TRIAL_TOKENS = 384; // of a solution, while nothing is known
  private static final int TRIAL_STEPS = 60; // of the training that is measured
  private static final int SHOTS = 3;
  private static final int DRAWS = 8;
  private static final int ENOUGH = 30; // problems that are solved sometimes
  private static final int PROBED = 200; // problems that are looked at for them, at most
  private static final int BLOCK = 50;
  private static final int LEAST = 12; // problems of a part
  private static final double REFERENCE = 1.3; // a step, and its share of the reference's pass over all pairs
  // how much slower the merged weights of a quantised model draw (F16 for Q4_1)
  private static final double UNPACKED = 2;

  private final Asked asked;
  private final Path directory;
  private final Path folder;
  private final EvolveListener listener;
  private final List<String> account = new ArrayList<>();

  /**
   * What a person says.
   *
   * @param model a GGUF file or an embedded model
   * @param problems a problem file or an embedded set
   * @param validation problems that choose; empty: a part of {@code problems}
   * @param test problems that compare; empty: a part of {@code problems}
   * @param seconds in which all is to be done; 0 for any time
   * @param seed of everything random
   */
  public record Asked(String model, String problems, Optional<String> validation, Optional<String> test, double seconds,
      long seed) {}

  /** What the first probe came to. */
  private record FirstProbe(List<Probed> probed, List<PreferencePair> pairs, double seconds) {
    long count(int least, int most) {
      return probed.stream().filter(p -> p.solved() >= least && p.solved() <= most).count();
    }

    long learnable() {
      return count(1, DRAWS - 1);
    }

    double tokens() {
      return probed.stream().mapToLong(Probed::tokens).sum();
    }
  }

  /**
   * @param directory the run's; made when it is not there
   * @param listener told what was found and chosen
   */
  public EvolveStart(Asked asked, Path directory, EvolveListener listener) {
    this.asked = asked;
    this.directory = directory;
    this.folder = directory.resolve(FOLDER);
    this.listener = listener;
  }

  /**
   * What a begun run was told.
   *
   * @return empty where none was begun without a recipe
   */
  public static Optional<Asked> begun(Path directory) throws IOException {
    Path file = directory.resolve(FOLDER).resolve(ASKED);
    return !PlainFile.exists(directory, file) ? Optional.empty()
        : Optional.of(JsonMapper.shared().readValue(PlainFile.bytes(file), Asked.class));
  }

  /**
   * The recipe of the run: the one that it has, else a new one.
   *
   * @return the recipe's file; empty where there is nothing to learn from yet, which the listener was told
   */
  public Optional<Path> recipe() throws IOException, InterruptedException {
    long start = System.nanoTime();
    Path file = directory.resolve(RECIPE);
    if (Files.isRegularFile(file)) {
      return Optional.of(file);
    }
    if (Files.isDirectory(directory)) {
      try (Stream<Path> entries = Files.list(directory)) {
        if (entries.anyMatch(entry -> !entry.equals(folder))) {
          throw new IllegalArgumentException(directory + " holds other files: give an empty or a new directory");
        }
      }
    }
    NativeRuntime.require();
    Precision.USUAL.use();
    Path model = ModelSource.resolve(asked.model());
    ProblemSplit read = ProblemSplit.of(ProblemSource.read(asked.problems()), part(asked.validation()),
        part(asked.test()));
    Optional<WorkedExamples> examples = Files.isRegularFile(Path.of(asked.problems()))
        ? WorkedExamples.shortest(Path.of(asked.problems()), read.searched(), SHOTS) : Optional.empty();
    ProblemSplit split = new ProblemSplit(
        examples.map(e -> e.others(read.searched())).orElse(read.searched()), read.validation(), read.test());
    if (Math.min(split.searched().size(), Math.min(split.validation().size(), split.test().size())) < LEAST) {
      throw new IllegalArgumentException(String.format(Locale.ROOT,
          "%d problems to search, %d for validation and %d for the test are too few: give at least 100 problems",
          split.searched().size(), split.validation().size(), split.test().size()));
    }
    AtomicFile.createFolders(folder);
    AtomicFile.writeText(folder.resolve(ASKED), JsonMapper.shared().writeValueAsString(asked) + "\n");
    say("%d problems to search, %d for validation, %d for the test at the end.", split.searched().size(),
        split.validation().size(), split.test().size());
    Optional<String> recipe;
    try (HeldFiles _ = new HeldFiles(List.of(model))) {
      recipe = recipe(model, split, examples, start);
    }
    AtomicFile.writeText(folder.resolve("account.txt"), String.join("\n", account) + "\n");
    if (recipe.isEmpty()) {
      return Optional.empty();
    }
    ProblemSplit.write(split.searched(), folder.resolve("searched.jsonl"));
    ProblemSplit.write(split.validation(), folder.resolve("validation.jsonl"));
    ProblemSplit.write(split.test(), folder.resolve("test.jsonl"));
    AtomicFile.writeText(file, recipe.get()); // the last: what follows is decided by it
    return Optional.of(file);
  }

  private Optional<String> recipe(Path model, ProblemSplit split, Optional<WorkedExamples> examples, long start)
      throws InterruptedException {
    ModelDefaults usual = ModelDefaults.of(model);
    AskingChoice.Chosen chosen;
    FirstProbe probe;
    int limit;
    try (BatchedPolicy policy = BatchedPolicy.open(model, null, usual.prompts().template(), 0)) {
      AskingChoice choice = choice(policy, Math.min(TRIAL_TOKENS, usual.solutionTokens()));
      chosen = choice.choose(AskingChoice.ways(usual.prompts(), examples), split.validation(), listener);
      say("How to ask it, tried on validation problems (two draws each at temperature 0.8):");
      chosen.table().forEach(line -> say("%s", line));
      AskingChoice.Tried best = chosen.best();
      if (!best.works()) {
        say("No way of asking works: the best, \"%s\", has %d of %d right.", best.way().name(), best.right(),
            best.draws().size());
        nothing(split.validation(), best.drawn(), "");
        return Optional.empty();
      }
      limit = best.limit(choice.sampling().maxTokens());
      say("Asked by \"%s\", with at most %d tokens a solution.", best.way().name(), limit);
      probe = probe(choice(policy, limit), best.way().prompts(), split.searched());
    }
    AskingChoice.Tried best = chosen.best();
    say("Probe: of the first %d problems %d are right in 1 to %d of %d draws, %d never, %d always.",
        probe.probed().size(), probe.learnable(), DRAWS - 1, DRAWS, probe.count(0, 0), probe.count(DRAWS, DRAWS));
    if (probe.learnable() < ENOUGH || probe.pairs().isEmpty()) {
      String why = probe.learnable() < ENOUGH
          ? String.format(Locale.ROOT, " At least %d of the first %d are needed.", ENOUGH,
              Math.min(PROBED, split.searched().size()))
          : " Their wrong solutions state no answer.";
      nothing(split.searched(), probe.probed(), why);
      return Optional.empty();
    }
    RecipeText text = new RecipeText(asked, directory, split, chosen, limit);
    return Optional.of(text.of(plan(measured(model, chosen, probe, text), split, start)));
  }

  private TimePlan.Measured measured(Path model, AskingChoice.Chosen chosen, FirstProbe probe, RecipeText text) {
    AskingChoice.Tried usual = chosen.heats().getFirst().stream().filter(t -> t.way().name().equals("usual"))
        .findFirst().orElseThrow();
    double step = step(Recipe.parse(text.of(new TimePlan(1, 1, TRIAL_STEPS, 1, 1, 0, 0))), model, probe.pairs());
    return new TimePlan.Measured(probe.tokens() / probe.seconds(), probe.tokens() / (probe.probed().size() * DRAWS),
        chosen.best().way().equals(usual.way()) ? 0 : usual.tokens(),
        (double) probe.learnable() / probe.probed().size(), step, slower(model));
  }

  private TimePlan plan(TimePlan.Measured measured, ProblemSplit split, long start) {
    double left = asked.seconds() == 0 ? Double.POSITIVE_INFINITY : asked.seconds() - (System.nanoTime() - start) / 1e9;
    TimePlan plan =
        TimePlan.of(measured, split.searched().size(), split.validation().size(), split.test().size(), left);
    say("Measured: %.0f tokens a second, %.0f tokens a solution, %.1f s a training step%s.", measured.speed(),
        measured.tokens(), measured.step(),
        asked.seconds() == 0 ? "" : "; " + Progress.time(left) + " of the time are left");
    say("%s", plan.line());
    return plan;
  }

  private AskingChoice choice(BatchedPolicy policy, int maxTokens) {
    return new AskingChoice(policy, new GradedAnswers(), SamplingSettings.temperature(TEMPERATURE, maxTokens),
        asked.seed());
  }

  /**
   * Draws of the first problems, block by block, until enough are solved sometimes, or it is plain that too few are.
   */
  private FirstProbe probe(AskingChoice choice, Prompts prompts, List<Problem> searched) throws InterruptedException {
    List<Problem> problems = searched.subList(0, Math.min(PROBED, searched.size()));
    long start = System.nanoTime();
    FirstProbe so = new FirstProbe(List.of(), List.of(), 0);
    listener.begin("probe", "problems", 0, problems.size());
    while (so.learnable() < ENOUGH && so.probed().size() < problems.size() && hopeful(so, problems.size())) {
      int done = so.probed().size();
      List<Problem> block = problems.subList(done, Math.min(done + BLOCK, problems.size()));
      List<Probed> probed = new ArrayList<>(so.probed());
      probed.addAll(InFlight.run(block, BLOCK, p -> choice.draw(prompts, p, DRAWS), (index, result) -> {}));
      listener.at(probed.size(), () -> "");
      so = new FirstProbe(probed, List.of(), (System.nanoTime() - start) / 1e9);
    }
    List<PreferencePair> pairs = new ArrayList<>();
    for (int i = 0; i < so.probed().size(); i++) {
      pair(choice, prompts, problems.get(i), so.probed().get(i)).ifPresent(pairs::add);
    }
    return new FirstProbe(so.probed(), pairs, so.seconds());
  }

  /** Whether enough problems can be expected of all of them, by the upper end of the share's interval. */
  private static boolean hopeful(FirstProbe so, int all) {
    int n = so.probed().size();
    return n == 0 || Statistics.wilson((int) so.learnable(), n, EvalResult.Z95).high() * all >= ENOUGH;
  }

  private static Optional<PreferencePair> pair(AskingChoice choice, Prompts prompts, Problem problem, Probed probed) {
    Optional<Probed.Draw> right = probed.draws().stream().filter(Probed.Draw::solved).findFirst();
    Optional<Probed.Draw> wrong =
        probed.draws().stream().filter(d -> d.ended() && !d.correct() && d.form().stated()).findFirst();
    if (right.isEmpty() || wrong.isEmpty()) {
      return Optional.empty();
    }
    String prompt = choice.policy().render(prompts.ask(problem));
    return Optional.of(new PreferencePair(problem.id(), "probe", prompt, right.get().text(), wrong.get().text(),
        choice.policy().tokenizePrompt(prompt), right.get().tokens(), wrong.get().tokens()));
  }

  /** Seconds of a training step on such pairs, measured. */
  private double step(Recipe recipe, Path model, List<PreferencePair> pairs) {
    try (Scratch scratch = new Scratch()) {
      double seconds = Plans.train(recipe, model, scratch.folder().resolve("train"), asked.seed())
          .plan(Plans.task(recipe, pairs, scratch.folder())).seconds();
      return REFERENCE * seconds / TRIAL_STEPS;
    }
  }

  private static double slower(Path model) {
    try (GgufFile file = GgufFile.open(model)) {
      return file.tensors().values().stream().anyMatch(t -> t.type().blockSize() > 1) ? UNPACKED : 1;
    }
  }

  /** Says that there is nothing to learn from, what the model wrote, and what would help. */
  private void nothing(List<Problem> problems, List<Probed> probed, String why) {
    say("What the model wrote, for example:");
    for (int i = 0; i < Math.min(3, probed.size()); i++) {
      say("  %s (%s)", EndTest.line(problems.get(i).question()), problems.get(i).answer());
      say("    %s", EndTest.line(probed.get(i).draws().getFirst().text()));
    }
    long always = probed.stream().filter(p -> p.passRate() == 1).count();
    say("Nothing to learn from yet.%s A search learns from problems that the model solves sometimes.", why);
    say("What would help: %s.", 2 * always > probed.size() ? "harder problems, since most of these are always right"
        : "easier problems, or a larger model");
  }

  private static List<Problem> part(Optional<String> source) {
    return source.map(ProblemSource::read).orElse(List.of());
  }

  private void say(String format, Object... values) {
    String line = String.format(Locale.ROOT, format, values);
    account.add(line);
    listener.said(line);
  }
}
