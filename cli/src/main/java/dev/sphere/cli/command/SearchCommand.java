package dev.sphere.cli.command;

import dev.sphere.base.HeldFiles;
import dev.sphere.base.Scratch;
import dev.sphere.cli.option.Decontaminator;
import dev.sphere.cli.option.Ending;
import dev.sphere.cli.option.Inputs;
import dev.sphere.cli.option.ProblemOptions;
import dev.sphere.cli.option.SettingFlags;
import dev.sphere.cli.progress.ProgressBars;
import dev.sphere.engine.Problem;
import dev.sphere.engine.data.Decontamination;
import dev.sphere.engine.data.ProblemSet;
import dev.sphere.engine.data.ReadOptions;
import dev.sphere.engine.data.Shard;
import dev.sphere.engine.data.WorkedExamples;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.run.Cluster;
import dev.sphere.engine.run.DryRun;
import dev.sphere.engine.run.Search;
import dev.sphere.engine.run.SearchPlan;
import dev.sphere.engine.run.SearchProfile;
import dev.sphere.engine.run.WorkerPlan;
import dev.sphere.engine.settings.GivenSettings;
import dev.sphere.engine.settings.SettingsTree;
import dev.sphere.engine.store.Provenance;
import dev.sphere.engine.store.ShardFolder;
import dev.sphere.engine.store.StoreException;
import dev.sphere.trainer.evolve.Recipe;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code sphere search}: problems in, preference pairs out. */
@Command(
    name = "search",
    description = {
      "Searches problems in three stages and makes preference pairs of them.",
      "  ./sphere search --model embedded --small-model embedded-small \\",
      "      --problems embedded:train --run runs/first",
      "  ./sphere search --model model.gguf --problems gsm8k_train.jsonl \\",
      "      --run runs/gsm8k",
      "A run that was interrupted goes on with ./sphere search --resume --run DIR."
    },
    modelTransformer = SettingFlags.Adder.class,
    sortOptions = false,
    mixinStandardHelpOptions = true)
public final class SearchCommand implements Callable<Integer>, SettingFlags.Command {
  private static final SettingsTree SETTINGS =
      SearchPlan.SETTINGS.and(ProblemOptions.SETTINGS).and(Decontaminator.SETTINGS);

  /** Flags that are a call's own: a run does not keep them. */
  private static final String[] OF_A_CALL = {"--run", "--resume", "--json", "--profile", "--spark", "--shard"};

  private final SettingFlags flags =
      new SettingFlags(SETTINGS,
      "--model", "--small-model", "--problems", "--limit", "--run", "--resume", "--probe", "--prm", "--rollouts", "--candidates");

  @Option(names = "--model", paramLabel = "MODEL", description = "The policy: a GGUF file or embedded.")
  private String model;

  @Option(names = "--small-model", paramLabel = "MODEL",
      description = "The small model of stage 3: a GGUF file or embedded-small. Without it stage 3 is skipped.")
  private String smallModel;

  @Mixin private ProblemOptions problems = new ProblemOptions();

  @Option(names = "--run", paramLabel = "DIR", description = "The run's directory; made if missing. Not needed with --dry-run.")
  private Path run;

  @Option(names = "--recipe", paramLabel = "FILE",
      description = "A recipe of evolve: what it says of models, problems, prompts and search, where no flag does.")
  private Path recipe;

  @Option(names = "--resume", description = "Go on with the run in DIR, which knows its settings; begin one if there is none.")
  private boolean resume;

  @Option(names = "--adapter", paramLabel = "FILE", description = "A LoRA adapter (GGUF) over the policy.")
  private Path adapter;

  @Option(names = "--shard", paramLabel = "I/N",
      description = {"Only every N-th problem, from the I-th on: one process a GPU; 'run merge' joins the runs.",
          "auto (or auto/N): the one that Slurm or Kubernetes names, in a folder of its own in --run."})
  private String sharded;

  private Shard shard;
  private String source; // the recipe's problems

  @Option(names = "--spark", paramLabel = "MASTER",
      description = "Solve the problems on a Spark cluster: " + OnSpark.HELP)
  private String master;

  @Option(names = "--profile", arity = "0..1", fallbackValue = "", paramLabel = "FILE",
      description = "Record where the time goes, into FILE (default: profile.jfr in the run's directory); print it.")
  private String profile;

  @Option(names = "--dry-run",
      description = "Search some problems for about a minute and say what the whole will take: time, tokens, pairs, memory, disk. "
          + "Nothing is kept.")
  private boolean dryRun;

  @Option(names = "--json", description = "One JSON object on the last line.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public SettingFlags flags() {
    return flags;
  }

  /** What a process opens to work for a search that another process began by the same command line. */
  static WorkerPlan worker(List<String> arguments) throws IOException {
    SearchCommand search = WorkerCommand.parse(new SearchCommand(), arguments);
    GivenSettings told = search.told();
    return Search.worker(search.plan(ModelSource.resolve(search.model), told));
  }

  private SearchPlan plan(Path policy, GivenSettings told) {
    return SearchPlan.of(told, policy, adapter, smallModel == null ? null : ModelSource.resolve(smallModel));
  }

  /** What a recipe says of models, problems and settings, where no flag does; it is read into the options. */
  private GivenSettings told() throws IOException {
    if (recipe == null) {
      return flags.told();
    }
    Inputs.require(recipe);
    GivenSettings all = Recipe.search(recipe);
    model = model != null ? model : (String) Recipe.TOP.value("model", all);
    smallModel = smallModel != null ? smallModel : (String) Recipe.TOP.value("small_model", all);
    source = (String) Recipe.TOP.value("problems", all);
    return flags.told(all.without(all.names().stream().filter(n -> !SETTINGS.has(n)).toList()));
  }

  /** Goes on with a run by the words with which it was begun, and those of this call. */
  private int again() throws InterruptedException, IOException {
    String kept = Provenance.of(run).information().get(Provenance.CALL);
    if (kept == null) {
      throw missing("--model MODEL");
    }
    List<String> words = new ArrayList<>();
    JsonMapper.shared().readTree(kept).forEach(word -> words.add(word.asString()));
    SearchCommand search = new SearchCommand();
    CommandLine line = new CommandLine(search).setOverwrittenOptionsAllowed(true).setExpandAtFiles(false)
        .setOut(spec.commandLine().getOut()).setErr(spec.commandLine().getErr());
    ParseResult known = line.parseArgs(words.toArray(String[]::new));
    for (String flag : OF_A_CALL) { // in a stranger's run it could write a file that is not the run's
      if (known.hasMatchedOption(flag)) {
        throw new IllegalArgumentException(run + " says that it was begun with " + flag + ", which no run keeps: it was "
            + "changed by hand. Give the whole command, with --resume");
      }
    }
    words.addAll(flags.words());
    line.parseArgs(words.toArray(String[]::new));
    return search.call();
  }

  private CommandLine.ParameterException missing(String option) {
    return new CommandLine.ParameterException(spec.commandLine(), option + " is missing");
  }

  @Override
  public Integer call() throws InterruptedException, IOException {
    if (resume && run != null && model == null && recipe == null && master == null && Files.exists(run)) {
      return again();
    }
    GivenSettings told = told();
    if (model == null) {
      throw missing("--model MODEL");
    }
    if (master != null && !OnSpark.here()) {
      return OnSpark.submit(master, spec);
    }
    Path policy = ModelSource.resolve(model);
    try (HeldFiles _ = new HeldFiles(List.of(policy))) { // opened and checked once, from the defaults on
      return call(policy, told);
    }
  }

  private int call(Path policy, GivenSettings told) throws InterruptedException, IOException {
    if (run == null && !dryRun) {
      throw missing("--run DIR");
    }
    if (dryRun && (resume || profile != null || master != null)) {
      throw new IllegalArgumentException("--dry-run speaks of a run from its beginning on this machine, and keeps nothing: leave "
          + (resume ? "--resume" : profile != null ? "--profile" : "--spark") + " out");
    }
    if (adapter != null) {
      Inputs.require(adapter);
    }
    PrintWriter err = spec.commandLine().getErr();
    SearchPlan plan = plan(policy, told);
    ProblemSet set = problems.read(SETTINGS.make(ReadOptions.class, told), err, source);
    Decontaminator contamination = new Decontaminator(SETTINGS.make(Decontamination.Settings.class, told));
    shard = Shard.of(sharded, System.getenv());
    List<Problem> all = others(plan.examples(), contamination.clean(set.problems(), err), err);
    List<Problem> clean = shard == null ? all : shard.part(all);
    PrintWriter out = spec.commandLine().getOut();
    if (dryRun) {
      return expect(plan, clean, out);
    }
    if (profile == null) {
      Search.Outcome outcome = search(plan, clean);
      contamination.list(place());
      print(outcome, contamination.left(), null, out);
      return 0;
    }
    Path file = profile.isEmpty() ? run.resolve("profile.jfr") : Path.of(profile);
    if (!profile.isEmpty()) {
      Inputs.requireWritable(file);
    }
    try (SearchProfile recording = SearchProfile.start(file)) {
      Search.Outcome outcome = search(plan, clean);
      SearchProfile.Summary summary = recording.stop();
      contamination.list(place());
      summary.lines().forEach(out::println);
      outcome.use().ifPresent(use -> use.lines().forEach(out::println));
      out.println("recording in " + file + " (jfr view, JDK Mission Control)");
      print(outcome, contamination.left(), summary, out);
    }
    return 0;
  }

  private int expect(SearchPlan plan, List<Problem> list, PrintWriter out) throws InterruptedException {
    DryRun expected;
    try (Scratch scratch = new Scratch(); ProgressBars progress = new ProgressBars("dry run", spec.commandLine().getErr())) {
      expected = DryRun.of(plan, list, scratch.folder(), progress);
    }
    expected.lines().forEach(out::println);
    if (json) {
      out.println(JsonMapper.shared().writeValueAsString(expected.toMap()));
    }
    out.flush();
    return 0;
  }

  /** Where the finished run, or shard, lies. */
  private Path place() {
    return shard != null && shard.scheduled() ? new ShardFolder(run, shard).whole() : run;
  }

  /** Without the problems whose solutions the model is shown. */
  private static List<Problem> others(WorkedExamples.Settings examples, List<Problem> problems, PrintWriter err) {
    List<Problem> others = examples.others(problems);
    if (others.size() < problems.size()) {
      err.println("worked examples: " + (problems.size() - others.size()) + " of " + problems.size()
          + " problems are among them and are left out");
      err.flush();
    }
    return others;
  }

  private Search.Outcome search(SearchPlan plan, List<Problem> list) throws InterruptedException {
    Thread hint = new Thread(() -> spec.commandLine().getErr().println(
        "\nsphere: interrupted; the run is safe in " + run + ": go on with ./sphere search --resume --run " + run));
    Runtime.getRuntime().addShutdownHook(hint);
    try (ProgressBars progress = new ProgressBars("search", spec.commandLine().getErr());
        OnSpark spark = OnSpark.open(master, "search " + run)) {
      Optional<Cluster.Remote> remote = spark.remote(spec, Optional.of(run.resolve(Cluster.KIND)));
      String call = JsonMapper.shared().writeValueAsString(flags.words(OF_A_CALL));
      return Search.run(plan, list, new Search.Place(run, resume, Optional.ofNullable(shard), remote, call), progress);
    } catch (StoreException.Refused e) {
      throw new StoreException.Refused(SettingsTree.byFlags(e.getMessage(), SearchPlan.class));
    } finally {
      forget(hint);
    }
  }

  private static void forget(Thread hint) {
    try {
      Runtime.getRuntime().removeShutdownHook(hint);
    } catch (IllegalStateException e) {
      // The JVM is going down already, and the hint has been given.
    }
  }

  private void print(Search.Outcome outcome, int contaminated, SearchProfile.Summary summary, PrintWriter out) {
    SearchReport report = new SearchReport(outcome, contaminated, place());
    if (json) {
      Map<String, Object> all = report.toMap();
      if (summary != null) {
        all.put("profile", summary.toMap());
      }
      out.println(JsonMapper.shared().writeValueAsString(all));
    } else {
      report.print(out);
    }
    Ending.print(spec, shard != null || outcome.pairs().isEmpty() ? "studio " + Ending.word(run)
        : "train dpo --model " + Ending.word(model) + " --run " + Ending.word(run) + " --adapter-out "
            + Ending.word(run + ".gguf"), place().resolve("pairs.jsonl"));
  }
}
