package dev.sphere.cli.command;

import dev.sphere.base.AtomicFile;
import dev.sphere.base.HeldFiles;
import dev.sphere.bindings.device.Arithmetic;
import dev.sphere.cli.option.Ending;
import dev.sphere.cli.option.Inputs;
import dev.sphere.cli.option.ProblemOptions;
import dev.sphere.cli.option.SettingFlags;
import dev.sphere.cli.progress.ProgressBars;
import dev.sphere.engine.Problem;
import dev.sphere.engine.data.ProblemSet;
import dev.sphere.engine.data.ReadOptions;
import dev.sphere.engine.data.Shard;
import dev.sphere.engine.data.WorkedExamples;
import dev.sphere.engine.decode.Precision;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.eval.AnswerFile;
import dev.sphere.engine.eval.AnswerShards;
import dev.sphere.engine.eval.Answered;
import dev.sphere.engine.eval.Comparison;
import dev.sphere.engine.eval.EvalReport;
import dev.sphere.engine.eval.EvalResult;
import dev.sphere.engine.eval.EvalSettings;
import dev.sphere.engine.eval.Evaluator;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.run.EvalRecipe;
import dev.sphere.engine.run.Evaluation;
import dev.sphere.engine.run.ModelDefaults;
import dev.sphere.engine.run.RewardSettings;
import dev.sphere.engine.run.WorkerPlan;
import dev.sphere.engine.settings.GivenSettings;
import dev.sphere.engine.settings.SettingsTree;
import dev.sphere.engine.store.Journal;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code sphere eval}. */
@Command(
    name = "eval",
    description = {
      "Measures a model on problems with known answers.",
      "  ./sphere eval --model model.gguf --problems test.jsonl",
      "  ./sphere eval --model model.gguf --recipe recipes/eval-math500.yaml \\",
      "      --problems math500.jsonl --html report.html",
      "  ./sphere eval --model model.gguf --adapter adapter.gguf \\",
      "      --problems test.jsonl --baseline base.jsonl",
      "  ./sphere eval --regrade answers.jsonl --markdown report.md",
      "Greedy pass@1; with --samples also mean@k, pass@k and maj@k of one set of samples. With --out the answers are kept as",
      "they come, and --resume goes on where a broken-off evaluation stood. --shard deals the problems out to several processes."
    },
    subcommands = {EvalPrmCommand.class, EvalMergeCommand.class},
    modelTransformer = SettingFlags.Adder.class,
    sortOptions = false,
    mixinStandardHelpOptions = true)
public final class EvalCommand implements Callable<Integer>, SettingFlags.Command {
  private static final SettingsTree SETTINGS = EvalRecipe.SETTINGS.and(ProblemOptions.SETTINGS);

  private final SettingFlags flags = new SettingFlags(SETTINGS, "--model", "--adapter", "--recipe", "--problems",
      "--limit", "--samples", "--max-tokens", "--out", "--resume", "--baseline");

  /** Problems that are asked for at once; the policy decides how many answers step together. */
  private static final int IN_FLIGHT = 128;

  @Option(names = "--model", paramLabel = "FILE", description = "Model: a GGUF file, or embedded, embedded-small, embedded-chain.")
  private String model;

  @Option(names = "--adapter", paramLabel = "FILE", description = "LoRA adapter (GGUF) on top of the model.")
  private Path adapter;

  @Option(names = "--recipe", paramLabel = "FILE",
      description = "A benchmark's settings (YAML); flags take the place of what it says.")
  private Path recipeFile;

  @Mixin private ProblemOptions problems;

  @Option(
      names = "--parallel",
      paramLabel = "N",
      defaultValue = "0",
      description = "Answers that step together; changes speed alone (default: 0, as many as are efficient).")
  private int parallel;

  @Option(
      names = "--out",
      paramLabel = "FILE",
      description = "Store all answers there (JSON lines), to compare with or to grade again.")
  private Path out;

  @Option(names = "--resume", description = "Go on with an evaluation into --out that was broken off.")
  private boolean resume;

  @Option(names = "--shard", paramLabel = "I/N",
      description = {"Only every N-th problem, from the I-th on, kept beside --out; 'eval merge' joins them. auto (or auto/N): the",
          "one that Slurm or Kubernetes names. What an earlier process of the shard kept is gone on with."})
  private String sharded;

  @Option(names = "--spark", paramLabel = "MASTER", description = "Ask the problems on a Spark cluster: " + OnSpark.HELP)
  private String master;

  @Option(names = "--regrade", paramLabel = "FILE",
      description = "Grade and count stored answers (from --out) again; no model is needed.")
  private Path regrade;

  @Option(
      names = "--baseline",
      paramLabel = "FILE",
      description = "Answers of another model to the same problems (from --out): compare in pairs.")
  private Path baseline;

  @Option(names = "--markdown", paramLabel = "FILE", description = "Write the report there as Markdown.")
  private Path markdown;

  @Option(names = "--html", paramLabel = "FILE", description = "Write the report there as one HTML page with all answers.")
  private Path html;

  @Option(names = "--json", description = "One JSON object on the last line instead of text.")
  private boolean json;

  @Spec private CommandSpec spec;

  private Shard shard;

  @Override
  public SettingFlags flags() {
    return flags;
  }

  @Override
  public Integer call() throws InterruptedException, IOException {
    if (master != null && regrade != null) {
      throw new IllegalArgumentException("--spark asks a model, and --regrade asks none: leave one of them out");
    }
    if (master != null && !OnSpark.here()) {
      return OnSpark.submit(master, spec);
    }
    for (Path p : new Path[] {adapter, baseline, regrade, recipeFile}) {
      if (p != null) {
        Inputs.require(p);
      }
    }
    for (Path p : new Path[] {out, markdown, html}) {
      if (p != null) {
        Inputs.requireWritable(p);
      }
    }
    if ((model == null) == (regrade == null)) {
      throw new IllegalArgumentException("give either --model, to ask it, or --regrade, to grade stored answers again");
    }
    if (resume && out == null) {
      throw new IllegalArgumentException("--resume goes on with what --out began; give --out FILE");
    }
    if (sharded != null && out == null) {
      throw new IllegalArgumentException("--shard keeps its answers beside the file that eval merge makes; give --out FILE");
    }
    shard = Shard.of(sharded, System.getenv());
    EvalRecipe recipe = recipeFile == null ? EvalRecipe.NONE : EvalRecipe.read(recipeFile);
    GivenSettings told = flags.told(recipe.told());
    EvalResult base = baseline == null ? null : Evaluator.regrade(AnswerFile.read(baseline));
    Map<String, String> made = new LinkedHashMap<>();
    EvalResult result = regrade != null ? regraded(made) : asked(recipe.head(), told, made);
    Comparison comparison = base == null ? null : Comparison.of(base, result, (Long) SETTINGS.value("seed", told));
    List<String> refused = result.answers().stream().filter(a -> a.tokens() == 0 && a.truncated()).map(Answered::problemId)
        .distinct().toList();
    if (!refused.isEmpty()) {
      spec.commandLine().getErr().println("note: " + refused.size() + " problems do not fit into the model's context: "
          + String.join(", ", refused.subList(0, Math.min(20, refused.size()))) + (refused.size() > 20 ? ", ..." : ""));
      spec.commandLine().getErr().flush();
    }
    EvalReport report = new EvalReport(recipe.head().name() == null ? "Evaluation" : recipe.head().name(), made, result, comparison);
    print(report, result, comparison); // before what may fail
    if (markdown != null) {
      AtomicFile.writeText(markdown, report.markdown());
    }
    if (html != null) {
      AtomicFile.writeText(html, report.html());
    }
    Ending.print(spec, out == null || shard != null || model == null ? ""
        : "eval --model OTHER --problems " + (problems.source() == null ? "PROBLEMS" : Ending.word(problems.source()))
            + " --baseline " + Ending.word(out), shard != null ? null : out, markdown, html);
    return 0;
  }

  private EvalResult regraded(Map<String, String> made) {
    made.put("answers", regrade.toString());
    EvalResult result = Evaluator.regrade(AnswerFile.read(regrade));
    if (out != null) {
      AnswerFile.write(out, result.answers());
    }
    return result;
  }

  private EvalResult asked(EvalRecipe.Head recipe, GivenSettings told, Map<String, String> made) throws InterruptedException {
    Path file = ModelSource.resolve(model);
    try (HeldFiles _ = new HeldFiles(List.of(file))) { // opened and checked once, from the defaults on
      return asked(file, recipe, told, made);
    }
  }

  private EvalResult asked(Path file, EvalRecipe.Head recipe, GivenSettings told, Map<String, String> made)
      throws InterruptedException {
    PrintWriter err = spec.commandLine().getErr();
    ProblemSet set = problems.read(SETTINGS.make(ReadOptions.class, told), err, recipe.problems());
    if (recipe.count() != null && recipe.count() != set.problems().size()) {
      err.println("note: " + recipe.name() + " has " + recipe.count() + " problems, these are " + set.problems().size());
      err.flush();
    }
    WorkedExamples examples = examples(told);
    Evaluation.Plan plan = plan(file, told, examples);
    int shown = examples == null ? 0 : set.problems().size() - examples.others(set.problems()).size();
    if (shown > 0) {
      err.println("note: " + shown + " of the problems are worked examples: their solutions stand before each question");
      err.flush();
    }
    try (HeldFiles files = plan.hold(); OnSpark spark = OnSpark.open(master, "eval " + model)) {
      made.putAll(plan.identity(set));
      Map<String, String> identity = new LinkedHashMap<>(made);
      if (master == null) { // where others compute, theirs is compared with each other's
        identity.put(Arithmetic.NAME, Arithmetic.here());
      }
      if (shard != null) {
        return shard(plan, set, new AnswerShards(out, shard, identity), made, files, spark);
      }
      try (Journal<Answered> journal = out == null ? null : AnswerFile.journal(out, identity, plan.settings().answers(), resume)) {
        EvalResult result = answers(plan, set.problems(), journal, files, spark);
        if (journal != null) {
          AnswerFile.finish(journal, result.answers());
        }
        return result;
      }
    }
  }

  /** Null for none. */
  private static WorkedExamples examples(GivenSettings told) {
    return SETTINGS.make(WorkedExamples.Settings.class, told).read();
  }

  /** What a command line asks for, besides the problems. */
  private Evaluation.Plan plan(Path file, GivenSettings told, WorkedExamples examples) {
    ModelDefaults usual = ModelDefaults.of(file);
    Prompts prompts = SETTINGS.make(Prompts.class, told, usual.values(), Map.of());
    EvalSettings settings = SETTINGS.make(EvalSettings.class, told, usual.values(), Map.of("inFlight", IN_FLIGHT));
    if (examples != null) {
      String head = WorkedExamples.head(prompts.question());
      settings = told.has("stop") || head.isEmpty() ? settings : settings.withStop(List.of(head));
      prompts = examples.before(prompts);
    }
    RewardSettings reward = told.has("prm") ? SETTINGS.make(RewardSettings.class, told, usual.values(), Map.of()) : null;
    return new Evaluation.Plan(file, adapter, prompts, settings, reward, usual.separator(), SETTINGS.make(Precision.class, told));
  }

  /** What a process opens to work for an evaluation that another process began by the same command line. */
  static WorkerPlan worker(List<String> arguments) throws IOException {
    EvalCommand eval = WorkerCommand.parse(new EvalCommand(), arguments);
    EvalRecipe recipe = eval.recipeFile == null ? EvalRecipe.NONE : EvalRecipe.read(eval.recipeFile);
    GivenSettings told = eval.flags.told(recipe.told());
    return Evaluation.worker(eval.plan(ModelSource.resolve(eval.model), told, examples(told)), eval.parallel);
  }

  private EvalResult shard(Evaluation.Plan plan, ProblemSet set, AnswerShards place, Map<String, String> made, HeldFiles files,
      OnSpark spark) throws InterruptedException {
    made.put("shard", shard.toString());
    Optional<List<Answered>> there = place.answers();
    if (there.isPresent()) {
      spec.commandLine().getErr().println("eval: shard " + shard + " is whole already: " + place.whole());
      spec.commandLine().getErr().flush();
      return Evaluator.regrade(there.get());
    }
    try (Journal<Answered> journal = place.open(plan.settings().answers())) {
      EvalResult result = answers(plan, shard.part(set.problems()), journal, files, spark);
      place.finish(journal, result.answers());
      return result;
    }
  }

  private EvalResult answers(Evaluation.Plan plan, List<Problem> asked, Journal<Answered> journal, HeldFiles files, OnSpark spark)
      throws InterruptedException {
    if (journal != null) {
      PrintWriter err = spec.commandLine().getErr();
      journal.findings().forEach(f -> err.println("eval: " + f));
      err.flush();
    }
    Map<String, List<Answered>> known = journal == null ? Map.of() : journal.known();
    Consumer<List<Answered>> keep = journal == null ? answers -> { } : journal::add;
    Optional<Path> kind = OnSpark.kind(out);
    try (ProgressBars progress = new ProgressBars("eval", spec.commandLine().getErr())) {
      EvalResult result = Evaluation.run(plan, files, parallel, spark.remote(spec, kind), asked, known, keep, progress);
      OnSpark.forget(kind);
      return result;
    }
  }

  private void print(EvalReport report, EvalResult result, Comparison comparison) {
    PrintWriter writer = spec.commandLine().getOut();
    if (json) {
      Map<String, Object> m = new LinkedHashMap<>(result.toMap());
      if (comparison != null) {
        m.put("comparison", comparison.toMap());
      }
      writer.println(JsonMapper.shared().writeValueAsString(m));
    } else {
      writer.print(report.text());
    }
    writer.flush();
  }
}
