package dev.sphere.cli.command;

import dev.sphere.base.AtomicFile;
import dev.sphere.base.HeldFiles;
import dev.sphere.cli.option.Inputs;
import dev.sphere.cli.option.ProblemOptions;
import dev.sphere.cli.option.SettingFlags;
import dev.sphere.cli.progress.ProgressBars;
import dev.sphere.engine.OutcomeReward;
import dev.sphere.engine.data.ProblemSet;
import dev.sphere.engine.data.ReadOptions;
import dev.sphere.engine.decode.BatchedPolicy;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.reward.GradedAnswers;
import dev.sphere.engine.run.ModelDefaults;
import dev.sphere.engine.run.OpenPrm;
import dev.sphere.engine.run.PrmSpec;
import dev.sphere.engine.search.SearchSettings;
import dev.sphere.engine.settings.Setting;
import dev.sphere.engine.settings.SettingsTree;
import dev.sphere.engine.settings.Told;
import dev.sphere.engine.store.Journal;
import dev.sphere.engine.store.Provenance;
import dev.sphere.engine.strategy.CompareReport;
import dev.sphere.engine.strategy.Strategy;
import dev.sphere.engine.strategy.StrategyComparison;
import dev.sphere.engine.strategy.StrategySettings;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code sphere compare}: strategies at equal cost. */
@Command(
    name = "compare",
    description = {
      "Strategies on the same problems, policy and process reward, at the same budget of tokens.",
      "  sphere compare --model embedded --prm prm.gguf --problems embedded:test --limit 200 --budgets 500,1000,2000",
      "The rewards mc and outcome know the answers: good for pairs, not for accuracy.",
      "Accuracy against tokens and seconds with 95 % intervals, best-of-n as the yardstick; pairs for a million tokens.",
      "With --out each problem is kept as it is done, and --resume goes on where a broken-off call stood."
    },
    modelTransformer = SettingFlags.Adder.class,
    sortOptions = false,
    mixinStandardHelpOptions = true)
public final class CompareCommand implements Callable<Integer>, SettingFlags.Command {
  /** Enough rollouts to rank steps: they may stop early, as the budget counts them. */
  private static final Map<String, Object> FIXED = Map.of("early_stop", true);

  private static final SettingsTree SETTINGS = ProblemOptions.SETTINGS
      .and(SettingsTree.of(PrmSpec.class, SearchSettings.class, StrategySettings.class, Settings.class)
          .only("prm", "rollouts", "prm_beta", "candidates", "temperature", "depth", "separator", "max_step_tokens",
              "beams", "width", "aggregation", "seed", "parallel").required("prm"));

  /**
   * How strategies are compared.
   *
   * @param seed of every draw
   * @param parallel problems in flight
   */
  record Settings(
      @Setting(def = "1", label = "N", help = "Seed of every draw.")
      long seed,
      @Setting(def = "32", range = "[1, )", label = "N", effect = Setting.Effect.SPEED,
          help = "Problems in flight; changes the speed, never the result.")
      int parallel) {}

  private final SettingFlags flags = new SettingFlags(SETTINGS);

  @Option(names = "--model", required = true, paramLabel = "MODEL",
      description = "The policy: a GGUF file or embedded.")
  private String model;

  @Option(names = "--adapter", paramLabel = "FILE", description = "A LoRA adapter (GGUF) over the policy.")
  private Path adapter;

  @Mixin private ProblemOptions problems = new ProblemOptions();

  @Option(names = "--strategies", split = ",", paramLabel = "NAME",
      description = "Any of sphere, best-of-n, beam, dvts, mcts, rejection (default: all).")
  private List<String> strategies = List.of();

  @Option(names = "--budgets", split = ",", paramLabel = "TOKENS",
      description = "Tokens a problem: generated ones, rollouts among them, and those that reward models read "
          + "(default: 1000,2000,4000).")
  private List<Long> budgets = List.of(1000L, 2000L, 4000L);

  @Option(names = "--out", paramLabel = "DIR",
      description = "Write compare.md, compare.json and compare.html there; made if missing.")
  private Path out;

  @Option(names = "--resume", description = "Go on with a comparison into --out that was broken off.")
  private boolean resume;

  @Option(names = "--json", description = "One JSON object on the last line instead of the table.")
  private boolean json;

  @Spec private CommandSpec spec;

  /** What a journal holds of a problem under a strategy. */
  record Kept(String strategy, long budget, StrategyComparison.Solved solved) {
    static String item(String strategy, long budget, String problem) {
      return strategy + " " + budget + " " + problem;
    }

    /** Names the problem and the strategy; null where something is missing. */
    String item() {
      return strategy == null || solved == null || solved.outcome() == null ? null : item(strategy, budget, solved.outcome().problemId());
    }
  }

  private static final Journal.Kind<Kept> JOURNAL =
      new Journal.Kind<>(Kept.class, "comparison", "outcomes", Kept::item, k -> 0);

  /** Keeps problems in a journal. */
  private record Keeper(Journal<Kept> journal, HeldFiles files) implements StrategyComparison.Log {
    @Override
    public StrategyComparison.Solved find(StrategySettings settings, String problemId) {
      List<Kept> rows = journal.known().get(Kept.item(settings.kind().label(), settings.budget(), problemId));
      return rows == null ? null : rows.getFirst().solved();
    }

    @Override
    public void add(StrategySettings settings, StrategyComparison.Solved solved) {
      files.requireUnchanged();
      journal.add(List.of(new Kept(settings.kind().label(), settings.budget(), solved)));
    }
  }

  @Override
  public SettingFlags flags() {
    return flags;
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    Path file = ModelSource.resolve(model);
    try (HeldFiles _ = new HeldFiles(List.of(file))) { // opened and checked once, from the defaults on
      return call(file);
    }
  }

  private int call(Path file) throws IOException, InterruptedException {
    if (adapter != null) {
      Inputs.require(adapter);
    }
    ModelDefaults manner = ModelDefaults.of(file);
    Told told = flags.told();
    Map<String, Object> usual = new HashMap<>(manner.values());
    usual.putAll(FIXED);
    SearchSettings search = SETTINGS.make(SearchSettings.class, told, usual, Map.of());
    PrmSpec reward = SETTINGS.make(PrmSpec.class, told, usual, Map.of());
    Settings settings = SETTINGS.make(Settings.class, told);
    List<StrategySettings> plans = plans(told);
    ProblemSet set = problems.read(SETTINGS.make(ReadOptions.class, told), spec.commandLine().getErr(), null);
    if (resume && out == null) {
      throw new IllegalArgumentException("--resume goes on with what --out began; give --out DIR");
    }
    if (out != null) {
      AtomicFile.createFolders(out);
    }
    OutcomeReward outcome = new GradedAnswers();
    try (HeldFiles files = reward.hold(file, adapter);
        Journal<Kept> journal = out == null ? null
            : Journal.open(JOURNAL, out.resolve("compare.json"), made(file, set, manner, reward, search, plans, settings), 1, resume)) {
      if (journal != null) {
        journal.findings().forEach(f -> spec.commandLine().getErr().println("compare: " + f));
        spec.commandLine().getErr().flush();
      }
      StrategyComparison.Log log = journal == null ? StrategyComparison.Log.NONE : new Keeper(journal, files);
      List<StrategyComparison.Cell> cells = cells(file, set, manner, reward, outcome, search, plans, settings, log);
      files.requireUnchanged();
      report(new CompareReport(cells, reward.knowsAnswers()), journal);
    }
    return 0;
  }

  private List<StrategyComparison.Cell> cells(Path file, ProblemSet set, ModelDefaults manner, PrmSpec reward, OutcomeReward outcome,
      SearchSettings search, List<StrategySettings> plans, Settings settings, StrategyComparison.Log log) throws InterruptedException {
    try (BatchedPolicy policy = BatchedPolicy.open(file, adapter, null, 0);
        OpenPrm opened = reward.open(outcome);
        ProgressBars progress = new ProgressBars("compare", spec.commandLine().getErr())) {
      StrategyComparison comparison = new StrategyComparison(policy, opened.factory(file), opened.passes(),
          opened::forget, search, manner.prompts(), settings.seed(), settings.parallel());
      return comparison.run(set.problems(), plans, log, progress);
    }
  }

  /** What the outcomes are made from. */
  private Map<String, String> made(Path file, ProblemSet set, ModelDefaults manner, PrmSpec reward, SearchSettings search,
      List<StrategySettings> plans, Settings settings) {
    Map<String, String> made = reward.judging(file, adapter, set, manner.prompts(), search, settings.seed());
    // Kind and budget name the outcomes: a comparison that goes on may have others.
    made.putAll(Provenance.builder().settings("strategies", plans.getFirst(), "kind", "budget").build().identity());
    return made;
  }

  private List<StrategySettings> plans(Told told) {
    List<Strategy> kinds = strategies.isEmpty() ? List.of(Strategy.values()) : strategies.stream().map(Strategy::of).toList();
    List<StrategySettings> plans = new ArrayList<>();
    for (Strategy kind : kinds) {
      for (long budget : budgets) {
        plans.add(SETTINGS.make(StrategySettings.class, told, Map.of("strategy", kind, "budget", budget), Map.of()));
      }
    }
    return plans;
  }

  private void report(CompareReport report, Journal<Kept> journal) {
    String figures = JsonMapper.shared().writeValueAsString(report.toMap());
    var console = spec.commandLine().getOut();
    if (json) {
      console.println(figures);
    } else {
      report.table().forEach(console::println);
    }
    console.flush(); // before what may fail
    if (journal != null) {
      AtomicFile.writeText(out.resolve("compare.md"), String.join("\n", report.table()) + "\n");
      AtomicFile.writeText(out.resolve("compare.html"), report.html());
      journal.finish(target -> target.write((figures + "\n").getBytes(StandardCharsets.UTF_8))); // last: all is there then
    }
  }
}
