package dev.sphere.trainer.evolve;

import dev.sphere.base.AtomicFile;
import dev.sphere.base.HeldFiles;
import dev.sphere.base.Scratch;
import dev.sphere.bindings.device.Arithmetic;
import dev.sphere.bindings.kernel.GgmlQuantizer;
import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.Problem;
import dev.sphere.engine.cost.Range;
import dev.sphere.engine.data.Decontamination;
import dev.sphere.engine.data.ReadOptions;
import dev.sphere.engine.data.WorkedExamples;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.embedded.ProblemSource;
import dev.sphere.engine.eval.AnswerFile;
import dev.sphere.engine.eval.Answered;
import dev.sphere.engine.eval.Comparison;
import dev.sphere.engine.eval.EvalResult;
import dev.sphere.engine.eval.Evaluator;
import dev.sphere.engine.run.Cluster;
import dev.sphere.engine.run.Expected;
import dev.sphere.engine.run.OpenEval;
import dev.sphere.engine.run.PairSearch;
import dev.sphere.engine.run.SearchPlan;
import dev.sphere.engine.store.CheckedLines;
import dev.sphere.engine.store.Damaged;
import dev.sphere.engine.store.FileSums;
import dev.sphere.engine.store.Finding;
import dev.sphere.engine.store.Journal;
import dev.sphere.engine.store.PairFlags;
import dev.sphere.engine.store.Provenance;
import dev.sphere.engine.store.RunData;
import dev.sphere.gguf.make.MergeType;
import dev.sphere.gguf.make.ModelMerge;
import dev.sphere.gguf.model.GgufFile;
import dev.sphere.trainer.checkpoint.TrainingCheck;
import dev.sphere.trainer.job.JobSettings;
import dev.sphere.trainer.job.TrainJob;
import dev.sphere.trainer.job.TrainPlan;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import tools.jackson.core.JacksonException;
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
  private static final String AGAIN = "computed again";
  private static final int EVALUATED = 48; // problems of a trial
  private static final double STARTED = 1; // seconds until a JVM has come here, and of a report
  private static final String LOST_RECIPE = "without it nobody can tell what the directory's results were made from: "
      + "bring it back from a copy, or give another directory";

  private final Recipe recipe;
  private final Path directory;
  private final boolean resume;
  private final EvolveListener listener;
  private final FileSums sums;
  private final BooleanSupplier stop;
  private volatile boolean training;
  private Elsewhere elsewhere; // null: this process searches and evaluates

  /**
   * Where searches and evaluations are done.
   *
   * @param recipe the recipe's file, as the machines of the cluster are to read it
   */
  private record Elsewhere(Cluster cluster, Path recipe) {}

  /**
   * @param recipe what to do
   * @param directory where the run lives; made when it is not there. Null: only {@link #expect} is asked
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
    this.sums = directory == null ? null : new FileSums(directory);
  }

  /**
   * Lets a cluster search and evaluate; training stays here. Its machines must see the run's directory and the recipe's file
   * under the same paths.
   *
   * @param file the recipe's
   */
  public Evolve on(Cluster cluster, Path file) {
    elsewhere = cluster == null ? null : new Elsewhere(cluster, file);
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
    List<Decontamination.Hit> hits = new ArrayList<>();
    Problems problems = problems(hits);
    Path policy = ModelSource.resolve(recipe.model());
    claim();
    list(hits);

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

  /** What the recipe names, without what must not be in it; nothing is computed and nothing written. */
  private Problems problems(List<Decontamination.Hit> hits) {
    List<Problem> problems = read(recipe.problems(), recipe.reading());
    if (recipe.evaluate() == null) {
      throw new IllegalArgumentException("the recipe has no evaluate.problems: say on which problems to compare");
    }
    List<Problem> heldOut = read(recipe.evaluate().problems(), recipe.reading().withLimit(recipe.evaluate().limit()));
    List<Problem> validation = recipe.validate() == null ? null
        : read(recipe.validate().problems(), recipe.reading().withLimit(recipe.validate().limit()));
    problems = clean(problems, Map.of(recipe.evaluate().problems(), heldOut), recipe.evaluate().ngram(), hits);
    problems = Recipe.SEARCH.make(WorkedExamples.Settings.class, recipe.search()).others(problems);
    Map<String, List<Problem>> sets = new LinkedHashMap<>();
    recipe.decontamination().sets().forEach(set -> sets.put(set, ProblemSource.read(set)));
    problems = clean(problems, sets, sets.isEmpty() ? 0 : recipe.decontamination().ngram(), hits);
    refuseOverlap(problems, heldOut, "evaluation", "searched");
    if (validation != null) {
      refuseOverlap(problems, validation, "validation", "searched");
      refuseOverlap(heldOut, validation, "validation", "evaluated");
    }
    if (recipe.freshProblems() && problems.size() < recipe.rounds()) {
      throw new IllegalArgumentException("fresh_problems: " + problems.size() + " problems are too few for "
          + recipe.rounds() + " rounds");
    }
    return new Problems(problems, heldOut, validation);
  }

  /**
   * What a run of the recipe will take, told before it is begun: an evaluation and a search are tried for about a minute each,
   * training is planned on the pairs that the trial found. The directory is not touched.
   *
   * @throws IllegalArgumentException when the recipe cannot be used as asked
   */
  public EvolveExpected expect() throws InterruptedException {
    long begin = System.nanoTime();
    Problems problems = problems(new ArrayList<>());
    Path policy = ModelSource.resolve(recipe.model());
    try (HeldFiles _ = new HeldFiles(List.of(policy)); Scratch scratch = new Scratch()) {
      int samples = recipe.evaluate().samples();
      double start = STARTED + seconds(begin);
      Range evaluation = trialOfEvaluation(policy, problems.heldOut(), samples);
      if (problems.validation() != null) {
        evaluation = evaluation.plus(evaluation.times(problems.validation().size() / ((1.0 + samples) * problems.heldOut().size())));
      }
      Path small = recipe.smallModel() == null ? null : ModelSource.resolve(recipe.smallModel());
      Path trial = scratch.folder().resolve("search");
      List<Problem> searched = searched(1, problems.searched());
      Expected search = PairSearch.expect(Plans.search(recipe, policy, null, small, recipe.seed()), searched, trial, listener);
      TrainPlan plan = search.found().isEmpty() ? null
          : Plans.train(recipe, policy, scratch.folder().resolve("train"), recipe.seed()).plan(Plans.task(recipe, search.found(), trial));
      return EvolveExpected.of(recipe, evaluation, search, plan, recipe.trainsAll() ? 0 : policy.toFile().length(), start);
    }
  }

  /** Seconds of one evaluation: as many problems as are answered within the first seconds tell it. */
  private Range trialOfEvaluation(Path model, List<Problem> heldOut, int samples) throws InterruptedException {
    List<Problem> some = heldOut.subList(0, Math.min(heldOut.size(), EVALUATED));
    long start = System.nanoTime();
    OpenEval.Plan plan = Plans.evaluation(recipe, model, null, samples);
    try (HeldFiles files = plan.hold()) {
      OpenEval.run(plan, files, 0, null, some, Map.of(), answers -> { }, listener);
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    double whole = seconds * heldOut.size() / some.size();
    // More of them share a batch, so that the whole may be faster than its part; a few long answers may make it slower.
    // A trained policy's answers are longer or shorter, and an adapter is computed with it.
    return some.size() == heldOut.size() ? new Range(whole / 1.3, whole, whole * 1.3) : new Range(whole / 2, whole / 1.2, whole * 1.3);
  }

  private static List<Problem> clean(
      List<Problem> problems, Map<String, List<Problem>> sets, int ngram, List<Decontamination.Hit> hits) {
    if (ngram == 0) {
      return problems;
    }
    Decontamination.Result result = Decontamination.check(problems, sets, ngram);
    hits.addAll(result.hits());
    if (result.clean().isEmpty()) {
      throw new IllegalArgumentException("no problem is left to search: every one shares " + ngram
          + " words with an evaluation problem, such as \"" + hits.getLast().words() + "\"");
    }
    return result.clean();
  }

  /** What is searched, what tells how good a policy is, and what chooses among them; null: the second does. */
  private record Problems(List<Problem> searched, List<Problem> heldOut, List<Problem> validation) {}

  private EvolveReport rounds(Path model, Problems problems, long start) throws InterruptedException {
    Path policy = model;
    Path began = null; // with which the round before began
    int samples = recipe.evaluate().samples();
    EvalResult base = evaluate("base", policy, null, problems.heldOut(), samples, directory.resolve(BASE_ANSWERS));
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
    return new EvolveReport(recipe.name(), recipe.seed(), base, chosenBy, rounds, seconds(start));
  }

  private EvalResult validated(String whom, Path model, Path adapter, Problems problems, Path answers)
      throws InterruptedException {
    return problems.validation() == null ? null
        : evaluate(whom + ", validation", model, adapter, problems.validation(), 0, answers);
  }

  /** What round n searches: all, or a part of its own. */
  private List<Problem> searched(int n, List<Problem> all) {
    long size = all.size();
    return !recipe.freshProblems() ? all
        : all.subList((int) (size * (n - 1) / recipe.rounds()), (int) (size * n / recipe.rounds()));
  }

  /**
   * A round; null when its training was stopped.
   *
   * @param learned the pairs of the rounds before, where they are replayed; those of this one are added
   */
  private EvolveReport.Round round(int n, Path policy, Path began, Problems all, Map<String, PreferencePair> learned,
      EvalResult base, EvalResult before) throws InterruptedException {
    List<Problem> problems = searched(n, all.searched());
    Path folder = directory.resolve("round-" + n);
    Path small = recipe.smallModel() == null ? null : ModelSource.resolve(recipe.smallModel());
    long seed = recipe.seed() + 1_000_003L * (n - 1);

    listener.searching(n, problems.size());
    SearchPlan plan = Plans.search(recipe, policy, began, small, seed);
    Path search = folder.resolve("search");
    Function<Provenance, Cluster.Crew> crew = elsewhere == null ? null
        : lead -> elsewhere.cluster().crew(EvolveWork.search(elsewhere.recipe(), word(policy), began == null ? null : word(began), seed),
            lead.identity(), search.resolve(Cluster.KIND));
    PairSearch.Outcome found = PairSearch.run(plan, problems, null, search, true, crew, listener);
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
    EvalResult evolved = evaluate(
        "round " + n, over, with, all.heldOut(), recipe.evaluate().samples(), folder.resolve("answers.jsonl"));
    EvalResult validation = validated("round " + n, over, with, all, folder.resolve("validation.jsonl"));
    Map<String, Double> metrics = trained.result().last() == null ? Map.of() : trained.result().last().values();
    return new EvolveReport.Round(n, found.report(), found.tokens(), found.seconds(), found.estimate(), found.use(), trained.result().steps(), metrics,
        trainSeconds, trained.artefact(), evolved, validation, Comparison.of(base, evolved, recipe.seed()),
        Comparison.of(before, evolved, recipe.seed()));
  }

  /** True when an earlier process left the file and it is whole; a damaged one is kept aside. */
  private boolean isThere(Path file, BooleanSupplier usable) {
    FileSums.State state = sums.state(file);
    if (state == FileSums.State.WHOLE || state == FileSums.State.UNKNOWN && usable.getAsBoolean()) {
      try { // its process may have died, or its disk failed, between the rename and this
        AtomicFile.forceFolder(file.getParent());
      } catch (IOException e) {
        throw new UncheckedIOException(e.getMessage(), e);
      }
      sums.put(file); // also of a file of an older version
      return true;
    }
    if (state != FileSums.State.MISSING) {
      String then = AGAIN + "; the damaged one is kept as " + Damaged.move(file);
      listener.note(Finding.mended(file, 0, "damaged", then).toString());
    }
    return false;
  }

  /** Whether a file holds a greedy answer and the samples of each of the problems. */
  private static boolean answers(Path file, List<Problem> problems, int samples) {
    try {
      return AnswerFile.read(file).stream().map(Answered::problemId).toList()
          .equals(problems.stream().flatMap(p -> Collections.nCopies(1 + samples, p.id()).stream()).toList());
    } catch (IllegalArgumentException | UncheckedIOException e) {
      return false;
    }
  }

  private static boolean isModel(Path file) {
    try (GgufFile model = GgufFile.openModel(file)) {
      return !model.tensors().isEmpty();
    } catch (RuntimeException e) {
      return false;
    }
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
      if (!Files.isRegularFile(mark) || !isWhole(Files.readAllBytes(mark))) {
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
        findings.addAll(RunData.check(search));
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
    byte[] line = line(recipe);
    try { // older versions wrote no checksum
      return CheckedLines.whole(line) || !JSON.readTree(line).has("crc") && JSON.readTree(line).isObject();
    } catch (JacksonException e) {
      return false;
    }
  }

  private static byte[] line(byte[] text) {
    return new String(text, StandardCharsets.UTF_8).stripTrailing().getBytes(StandardCharsets.UTF_8);
  }

  /** Greedy answers and samples; those of an earlier process are graded, not generated again. */
  private EvalResult evaluate(
      String whom, Path model, Path adapter, List<Problem> heldOut, int samples, Path answers)
      throws InterruptedException {
    EvalResult result;
    if (isThere(answers, () -> answers(answers, heldOut, samples))) {
      result = Evaluator.regrade(AnswerFile.read(answers));
    } else {
      try (HeldFiles files = new HeldFiles(Arrays.asList(model, adapter))) { // opened and checked once, from the defaults on
        OpenEval.Plan plan = Plans.evaluation(recipe, model, adapter, samples);
        Supplier<Cluster.Crew> crew = elsewhere == null ? null : () -> elsewhere.cluster().crew(
            EvolveWork.evaluation(elsewhere.recipe(), word(model), adapter, samples), plan.forWorkers(), null);
        try (Journal<Answered> journal = AnswerFile.journal(answers, made(plan), 1 + samples, true)) {
          journal.findings().forEach(f -> listener.note(f.toString()));
          result = OpenEval.run(plan, files, 0, crew, heldOut, journal.known(), journal::add, listener);
          AnswerFile.finish(journal, result.answers());
        }
      }
      sums.put(answers);
    }
    listener.evaluated(whom, result);
    return result;
  }

  /** What of an evaluation's answers the recipe, which the directory is bound to, does not say. */
  private Map<String, String> made(OpenEval.Plan plan) {
    Map<String, String> made = new LinkedHashMap<>();
    try (GgufFile file = GgufFile.open(plan.model()); GgufFile over = plan.adapter() == null ? null : GgufFile.open(plan.adapter())) {
      made.put("model", file.sha256());
      made.put("adapter", over == null ? "none" : over.sha256());
    }
    made.put("most tokens", String.valueOf(plan.settings().sampling().maxTokens()));
    if (elsewhere == null) { // where others compute, theirs is compared with each other's
      made.put(Arithmetic.NAME, Arithmetic.here());
    }
    return made;
  }

  /** A model as other machines find it: the recipe's own may lie elsewhere there. */
  private String word(Path model) {
    return model.equals(ModelSource.resolve(recipe.model())) ? recipe.model() : model.toAbsolutePath().toString();
  }

  private Path nextPolicy(int n, Path policy, Path artefact) {
    if (recipe.trainsAll()) {
      return artefact;
    }
    Path merged = directory.resolve("round-" + n).resolve("policy.gguf");
    if (!isThere(merged, () -> isModel(merged))) {
      MergeType type = MergeType.of(JobSettings.of(recipe.train(), null).type());
      ModelMerge.Report report = ModelMerge.merge(policy, artefact, type, GgmlQuantizer::quantize, merged, line -> {});
      sums.put(merged);
      listener.note("round " + n + ", its adapter put into the weights: " + report.summary());
      report.warnings().forEach(listener::note);
    }
    return merged;
  }

  private static List<Problem> read(String source, ReadOptions options) {
    return ProblemSource.read(source, options).problems();
  }

  /** An evaluation on problems that were searched proves nothing. */
  private static void refuseOverlap(List<Problem> problems, List<Problem> heldOut, String what, String also) {
    Set<String> searched = problems.stream().map(p -> words(p.question())).collect(Collectors.toCollection(HashSet::new));
    List<String> both = heldOut.stream().filter(p -> searched.contains(words(p.question()))).map(Problem::id).toList();
    if (!both.isEmpty()) {
      throw new IllegalArgumentException(both.size() + " of the " + heldOut.size()
          + " " + what + " problems are also " + also + ", such as " + both.getFirst() + ": use another set");
    }
  }

  /** The problems that were left out, and why. */
  private void list(List<Decontamination.Hit> hits) throws IOException {
    if (recipe.evaluate().ngram() > 0 || !recipe.decontamination().sets().isEmpty()) {
      StringBuilder lines = new StringBuilder();
      for (Decontamination.Hit hit : hits) {
        lines.append(JsonMapper.shared().writeValueAsString(hit.toMap())).append('\n');
      }
      AtomicFile.writeText(directory.resolve("decontamination.jsonl"), lines);
    }
  }

  private static String words(String question) {
    return question.strip().replaceAll("\\s+", " ");
  }

  /** Binds the directory to the recipe: another recipe's results must not be taken for this one's. */
  private void claim() throws IOException {
    Path mark = directory.resolve("recipe.json");
    byte[] mine = JSON.writeValueAsBytes(recipe.values());
    byte[] checked = CheckedLines.frame(mine);
    if (Files.isRegularFile(mark)) {
      if (!resume) {
        throw new IllegalArgumentException(
            directory + " already holds a run: go on with it by --resume, or give another directory");
      }
      byte[] there = line(Files.readAllBytes(mark));
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
      Path begun = directory.resolve("recipe.json.tmp"); // of a start that was cut short
      if (entries.anyMatch(entry -> !entry.equals(begun))) {
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
