package dev.sphere.trainer.evolve;

import dev.sphere.base.AtomicFile;
import dev.sphere.base.HeldFiles;
import dev.sphere.base.PlainFile;
import dev.sphere.bindings.device.Arithmetic;
import dev.sphere.bindings.kernel.GgmlQuantizer;
import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.Problem;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.eval.AnswerFile;
import dev.sphere.engine.eval.Answered;
import dev.sphere.engine.eval.Comparison;
import dev.sphere.engine.eval.EvalResult;
import dev.sphere.engine.eval.Evaluator;
import dev.sphere.engine.run.Cluster;
import dev.sphere.engine.run.Evaluation;
import dev.sphere.engine.run.Search;
import dev.sphere.engine.run.SearchPlan;
import dev.sphere.engine.store.CheckedLines;
import dev.sphere.engine.store.Damaged;
import dev.sphere.engine.store.FileSums;
import dev.sphere.engine.store.Finding;
import dev.sphere.engine.store.Journal;
import dev.sphere.engine.store.PairFlags;
import dev.sphere.engine.store.RunReader;
import dev.sphere.gguf.make.MergeType;
import dev.sphere.gguf.make.ModelMerge;
import dev.sphere.gguf.model.GgufFile;
import dev.sphere.trainer.checkpoint.TrainingCheck;
import dev.sphere.trainer.job.JobSettings;
import dev.sphere.trainer.job.TrainJob;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.stream.Stream;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Self-evolution: the policy searches problems, learns from the pairs it found, and is compared with what it was; the
 * better policy begins the next round. The reference of a round is the policy at its start.
 *
 * <p>Everything lies in one directory, and every part of it can go on from where it was cut off: the search inside its
 * trees, training from its last checkpoint, and evaluations that are done are not done again.
 */
public final class Evolve {
  private static final String BASE_ANSWERS = "base-answers.jsonl";
  private static final String POLICY = "policy.gguf";
  private static final String AGAIN = "computed again";
  private static final String LOST_RECIPE = "without it nobody can tell what the directory's results were made from: "
      + "bring it back from a copy, or give another directory";

  /**
   * What may lie in a new run's directory: the mark of a start that was cut short, and what {@link EvolveStart} wrote.
   */
  private static final Set<String> OURS = Set.of("recipe.json.tmp", EvolveStart.RECIPE, EvolveStart.FOLDER);

  private final Recipe recipe;
  private final Path directory;
  private final boolean resume;
  private final EvolveListener listener;
  private final FileSums sums;
  private final BooleanSupplier stop;
  private volatile boolean training;
  private Optional<RemoteWork> elsewhere = Optional.empty();

  /**
   * Other machines that search and evaluate.
   *
   * @param recipe the recipe's file, as the machines of the cluster are to read it
   */
  private record RemoteWork(Cluster cluster, Path recipe) {
    Cluster.Remote search(String policy, String began, long seed, Path folder) {
      return new Cluster.Remote(
          cluster, EvolveWork.search(recipe, policy, began, seed), Optional.of(folder.resolve(Cluster.KIND)));
    }

    Cluster.Remote evaluation(String model, Path adapter, int samples) {
      return new Cluster.Remote(cluster, EvolveWork.evaluation(recipe, model, adapter, samples), Optional.empty());
    }
  }

  /**
   * @param recipe what to do
   * @param directory where the run lives; made when it is not there
   * @param resume go on with the run in it, if there is one
   * @param listener hears of progress
   */
  public Evolve(Recipe recipe, Path directory, boolean resume, EvolveListener listener) {
    this(recipe, directory, resume, listener, () -> false);
  }

  /**
   * The same with a stop.
   *
   * @param stop asked before every step of a training; true: it writes a checkpoint, and {@link #run} ends. Searches and
   *     evaluations lose nothing that is done when the process ends, so they are not asked
   */
  public Evolve(Recipe recipe, Path directory, boolean resume, EvolveListener listener, BooleanSupplier stop) {
    this.stop = stop;
    this.recipe = recipe;
    this.directory = directory;
    this.resume = resume;
    this.listener = listener;
    this.sums = new FileSums(directory);
  }

  /**
   * Lets a cluster search and evaluate; training stays here. Its machines must see the run's directory and the recipe's file
   * under the same paths.
   *
   * @param file the recipe's
   */
  public Evolve on(Cluster cluster, Path file) {
    elsewhere = Optional.of(new RemoteWork(cluster, file));
    return this;
  }

  /** Whether a training is going on: one that is asked to stop writes a checkpoint. */
  public boolean isTraining() {
    return training;
  }

  /**
   * Runs the rounds.
   *
   * @return the report; null when a training was stopped before its end
   * @throws IllegalArgumentException when recipe or directory cannot be used as asked, before any work
   */
  public EvolveReport run() throws IOException, InterruptedException {
    long start = System.nanoTime();
    RecipeProblems problems = RecipeProblems.read(recipe);
    Path policy = ModelSource.resolve(recipe.model());
    bindRecipe();
    problems.listLeftOut(recipe, directory);

    EvolveReport report;
    try (HeldFiles files = new HeldFiles(List.of(policy))) { // what is compared and what is searched are one model
      report = rounds(policy, problems, start);
      files.requireUnchanged();
    }
    if (report == null) {
      return null;
    }
    AtomicFile.writeText(directory.resolve("rounds.md"), String.join("\n", report.table()) + "\n");
    AtomicFile.writeText(directory.resolve("report.json"), JSON.writeValueAsString(report.toMap()) + "\n");
    return report;
  }

  private EvolveReport rounds(Path model, RecipeProblems problems, long start) throws InterruptedException {
    Path policy = model;
    Path began = null; // with which the round before began
    EvalResult base = compared("base", policy, null, problems, directory.resolve(BASE_ANSWERS));
    EvalResult chosenBy = validated("base", policy, null, problems, directory.resolve("base-validation.jsonl"));
    double before = (chosenBy == null ? base : chosenBy).accuracy();
    List<EvolveReport.Round> rounds = new ArrayList<>();
    Map<String, PreferencePair> learned = new LinkedHashMap<>(); // what is replayed, by problem and pair
    for (int n = 1; n <= recipe.rounds(); n++) {
      EvolveReport.Round round;
      try (HeldFiles _ = new HeldFiles(List.of(policy))) { // opened and checked once a round
        round = round(n, policy, began, problems, learned, base, rounds.isEmpty() ? base : rounds.getLast().evaluation());
      }
      if (round == null) {
        return null;
      }
      rounds.add(round);
      listener.round(round);
      if (n == recipe.rounds() || round.chosenBy().accuracy() <= before) {
        break; // what no longer rises is not searched again
      }
      before = round.chosenBy().accuracy();
      began = policy;
      policy = nextPolicy(n, policy, round.artefact());
    }
    EvolveReport report = new EvolveReport(recipe.name(), recipe.seed(), base, chosenBy, rounds, seconds(start));
    return recipe.evaluate().atEnd() ? report.with(atEnd(model, report.best(), problems.heldOut())) : report;
  }

  /**
   * What rounds are compared on: the held-out problems, or the validation problems where those come at the end alone.
   */
  private EvalResult compared(String whom, Path model, Path adapter, RecipeProblems problems, Path answers)
      throws InterruptedException {
    int samples = recipe.evaluate().samples();
    return recipe.evaluate().atEnd()
        ? evaluate(whom + ", validation", model, adapter, problems.validation(), samples, answers)
        : evaluate(whom, model, adapter, problems.heldOut(), samples, answers);
  }

  private EvalResult validated(String whom, Path model, Path adapter, RecipeProblems problems, Path answers)
      throws InterruptedException {
    return problems.validation() == null || recipe.evaluate().atEnd() ? null
        : evaluate(whom + ", validation", model, adapter, problems.validation(), 0, answers);
  }

  /** The test: base and best round on problems that nothing was chosen by. */
  private EndTest atEnd(Path model, EvolveReport.Round best, List<Problem> problems) throws InterruptedException {
    Path began = best.round() == 1 ? model : directory.resolve("round-" + (best.round() - 1)).resolve(POLICY);
    Path over = recipe.trainsAll() ? best.artefact() : began;
    Path adapter = recipe.trainsAll() ? null : best.artefact();
    int samples = recipe.evaluate().samples();
    EvalResult base = evaluate("base, test", model, null, problems, samples, directory.resolve("test-base.jsonl"));
    EvalResult evolved = evaluate("round " + best.round() + ", test", over, adapter, problems, samples,
        directory.resolve("test-round-" + best.round() + ".jsonl"));
    List<Problem> some = problems.subList(0, Math.min(recipe.evaluate().usual(), problems.size()));
    Optional<EvalResult> usual = some.isEmpty() ? Optional.empty() : Optional.of(evaluate("base, test, asked as usual",
        List.of(model), () -> Plans.usualEvaluation(recipe, model), Optional.empty(), some,
        directory.resolve("test-usual.jsonl")));
    return new EndTest(problems, over, Optional.ofNullable(adapter), base, evolved,
        Comparison.of(base, evolved, recipe.seed()), usual);
  }

  /**
   * A round; null when its training was stopped.
   *
   * @param learned the pairs of the rounds before, where they are replayed; those of this one are added
   */
  private EvolveReport.Round round(int n, Path policy, Path began, RecipeProblems all, Map<String, PreferencePair> learned,
      EvalResult base, EvalResult before) throws InterruptedException {
    List<Problem> problems = all.ofRound(n, recipe);
    Path folder = directory.resolve("round-" + n);
    requireOwn(folder.resolve("search"));
    requireOwn(folder.resolve("train"));
    Path small = recipe.smallModel() == null ? null : ModelSource.resolve(recipe.smallModel());
    long seed = recipe.seed() + 1_000_003L * (n - 1);

    listener.searching(n, problems.size());
    SearchPlan plan = Plans.search(recipe, policy, began, small, seed);
    Path search = folder.resolve("search");
    Optional<Cluster.Remote> remote =
        elsewhere.map(e -> e.search(modelArgument(policy), began == null ? null : modelArgument(began), seed, search));
    Search.Outcome found =
        Search.run(plan, problems, new Search.Place(search, true, Optional.empty(), remote), listener);
    listener.found(n, found, found.pairs());
    if (found.pairs().isEmpty()) {
      throw new IllegalStateException("round " + n + " found no pair to learn from: " + found.report().reasons());
    }

    List<PreferencePair> pairs = found.pairs();
    if (recipe.replay()) {
      pairs.forEach(pair -> learned.putIfAbsent(pair.problemId() + " " + PairFlags.key(pair), pair));
      pairs = List.copyOf(learned.values());
    }

    long start = System.nanoTime();
    TrainJob job = Plans.train(recipe, policy, folder.resolve("train"), seed);
    TrainJob.Outcome trained;
    training = true;
    try {
      trained = job.run(Plans.task(recipe, pairs, folder.resolve("search")), listener.training(n), stop);
    } finally {
      training = false;
    }
    if (trained.artefact() == null) {
      return null;
    }
    double trainSeconds = seconds(start);

    boolean adapter = job.tuning().isLora();
    Path over = adapter ? policy : trained.artefact();
    Path with = adapter ? trained.artefact() : null;
    EvalResult evolved = compared("round " + n, over, with, all, folder.resolve("answers.jsonl"));
    EvalResult validation = validated("round " + n, over, with, all, folder.resolve("validation.jsonl"));
    Map<String, Double> metrics = trained.result().last() == null ? Map.of() : trained.result().last().values();
    return new EvolveReport.Round(n, found.report(), found.tokens(), found.seconds(), found.use().orElse(null), trained.result().steps(), metrics,
        trainSeconds, trained.artefact(), evolved, validation, Comparison.of(base, evolved, recipe.seed()),
        Comparison.of(before, evolved, recipe.seed()));
  }

  /** Refuses a link on the way to a folder of the run: it could lead anywhere. */
  private void requireOwn(Path folder) {
    try {
      PlainFile.requireFolders(directory, folder);
    } catch (IOException e) {
      throw new IllegalArgumentException(e.getMessage(), e);
    }
  }

  /** True when an earlier process has finished the file; a damaged one is kept aside. */
  private boolean reusable(Path file) {
    FileSums.State state = sums.state(file);
    if (state == FileSums.State.WHOLE) {
      try { // the name may not be on the disk yet, where its process died right after the rename
        AtomicFile.forceFolder(file.getParent());
      } catch (IOException e) {
        throw new UncheckedIOException(e.getMessage(), e);
      }
      return true;
    }
    if (state == FileSums.State.DAMAGED) {
      String then = AGAIN + "; the damaged one is kept as " + Damaged.move(file);
      listener.note(Finding.mended(file, 0, "damaged", then).toString());
    }
    return false;
  }

  /**
   * What of a run's directory is missing or damaged; changes nothing. Empty: all is whole.
   *
   * @throws IllegalArgumentException when no evolution run is there
   */
  public static List<Finding> check(Path directory) {
    if (!isEvolution(directory)) {
      throw new IllegalArgumentException(directory + " holds no evolution run");
    }
    List<Finding> findings = new ArrayList<>();
    Path mark = directory.resolve("recipe.json");
    try {
      if (!Files.isRegularFile(mark) || !isWhole(PlainFile.bytes(mark))) {
        String lost = Files.isRegularFile(mark) ? "damaged" : "missing";
        findings.add(Finding.refused(mark, lost, LOST_RECIPE));
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + mark + ": " + e.getMessage(), e);
    }
    findings.addAll(new FileSums(directory).check(AGAIN));
    for (int n = 1; Files.isDirectory(directory.resolve("round-" + n)); n++) {
      Path search = directory.resolve("round-" + n).resolve("search");
      Path train = directory.resolve("round-" + n).resolve("train");
      if (Files.isDirectory(search)) {
        findings.addAll(RunReader.check(search));
      }
      if (Files.isDirectory(train)) {
        findings.addAll(TrainingCheck.of(train));
      }
    }
    return findings;
  }

  /** True when the directory is one of an evolution run. */
  public static boolean isEvolution(Path directory) {
    return Stream.of("recipe.json", BASE_ANSWERS, "round-1").anyMatch(name -> Files.exists(directory.resolve(name)));
  }

  private static boolean isWhole(byte[] recipe) {
    return CheckedLines.whole(line(recipe));
  }

  private static byte[] line(byte[] text) {
    return new String(text, StandardCharsets.UTF_8).stripTrailing().getBytes(StandardCharsets.UTF_8);
  }

  /** Greedy answers and samples; those of an earlier process are graded, not generated again. */
  private EvalResult evaluate(
      String whom, Path model, Path adapter, List<Problem> heldOut, int samples, Path answers)
      throws InterruptedException {
    return evaluate(whom, Arrays.asList(model, adapter), () -> Plans.evaluation(recipe, model, adapter, samples),
        elsewhere.map(e -> e.evaluation(modelArgument(model), adapter, samples)), heldOut, answers);
  }

  private EvalResult evaluate(String whom, List<Path> models, Supplier<Evaluation.Plan> asked,
      Optional<Cluster.Remote> remote,
      List<Problem> heldOut, Path answers) throws InterruptedException {
    EvalResult result;
    if (reusable(answers)) {
      result = Evaluator.regrade(AnswerFile.read(answers));
    } else {
      try (HeldFiles files = new HeldFiles(models)) { // opened and checked once, from the defaults on
        Evaluation.Plan plan = asked.get();
        try (Journal<Answered> journal = AnswerFile.journal(answers, made(plan), plan.settings().answers(), true)) {
          journal.findings().forEach(f -> listener.note(f.toString()));
          result = Evaluation.run(plan, files, 0, remote, heldOut, journal.known(), journal::add, listener);
          AnswerFile.finish(journal, result.answers());
        }
      }
      sums.put(answers);
    }
    listener.evaluated(whom, result);
    return result;
  }

  /** What of an evaluation's answers the recipe, which the directory is bound to, does not say. */
  private Map<String, String> made(Evaluation.Plan plan) {
    Map<String, String> made = new LinkedHashMap<>();
    try (GgufFile file = GgufFile.open(plan.model()); GgufFile over = plan.adapter() == null ? null : GgufFile.open(plan.adapter())) {
      made.put("model", file.sha256());
      made.put("adapter", over == null ? "none" : over.sha256());
    }
    made.put("most tokens", String.valueOf(plan.settings().sampling().maxTokens()));
    if (elsewhere.isEmpty()) { // where others compute, theirs is compared with each other's
      made.put(Arithmetic.NAME, Arithmetic.here());
    }
    return made;
  }

  /** A model as other machines find it: the recipe's own may lie remote there. */
  private String modelArgument(Path model) {
    return model.equals(ModelSource.resolve(recipe.model())) ? recipe.model() : model.toAbsolutePath().toString();
  }

  private Path nextPolicy(int n, Path policy, Path artefact) {
    if (recipe.trainsAll()) {
      return artefact;
    }
    Path merged = directory.resolve("round-" + n).resolve(POLICY);
    if (!reusable(merged)) {
      MergeType type = MergeType.of(JobSettings.of(recipe.train(), null).type());
      ModelMerge.Report report = ModelMerge.merge(policy, artefact, type, GgmlQuantizer::quantize, merged, line -> {});
      sums.put(merged);
      listener.note("round " + n + ", its adapter put into the weights: " + report.summary());
      report.warnings().forEach(listener::note);
    }
    return merged;
  }

  /** Binds the directory to the recipe: another recipe's results must not be taken for this one's. */
  private void bindRecipe() throws IOException {
    Path mark = directory.resolve("recipe.json");
    byte[] mine = JSON.writeValueAsBytes(recipe.values());
    byte[] checked = CheckedLines.frame(mine);
    if (Files.isRegularFile(mark)) {
      if (!resume) {
        throw new IllegalArgumentException(
            directory + " already holds a run: go on with it by --resume, or give another directory");
      }
      byte[] there = line(PlainFile.bytes(mark));
      if (!isWhole(there)) {
        throw new IllegalArgumentException(mark + ": damaged; " + LOST_RECIPE);
      }
      List<String> differences = kept(mark, there).differences(recipe);
      if (!differences.isEmpty()) {
        throw new IllegalArgumentException(directory + " holds a run of another recipe (see " + mark + "): "
            + String.join("; ", differences) + ". Give another directory");
      }
      AtomicFile.createFolders(directory); // whoever began it may have died before its name was on the disk
      return;
    }
    if (isEvolution(directory)) {
      throw new IllegalArgumentException(mark + ": missing; " + LOST_RECIPE);
    }
    AtomicFile.createFolders(directory);
    try (var entries = Files.list(directory)) {
      if (entries.anyMatch(entry -> !OURS.contains(entry.getFileName().toString()))) {
        throw new IllegalArgumentException(directory + " holds other files: give an empty or a new directory");
      }
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
    AtomicFile.write(mark, out -> out.write(checked));
  }

  private static Recipe kept(Path mark, byte[] text) {
    ObjectNode recipe = (ObjectNode) JSON.readTree(text);
    recipe.remove("crc");
    try {
      return Recipe.kept(recipe.toString());
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          mark.getParent() + " holds a run of another recipe (see " + mark + "): " + e.getMessage(), e);
    }
  }

  private static final JsonMapper JSON =
      JsonMapper.builder().enable(tools.jackson.databind.SerializationFeature.INDENT_OUTPUT).build();

  private static double seconds(long start) {
    return (System.nanoTime() - start) / 1e9;
  }
}
