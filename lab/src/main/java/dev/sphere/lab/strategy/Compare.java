package dev.sphere.lab.strategy;

import dev.sphere.cli.option.ProblemOptions;
import dev.sphere.cli.option.SettingFlags;
import dev.sphere.cli.progress.ProgressBars;
import dev.sphere.engine.data.ProblemSet;
import dev.sphere.engine.data.ReadOptions;
import dev.sphere.engine.decode.BatchedPolicy;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.reward.GradedAnswers;
import dev.sphere.engine.run.ModelDefaults;
import dev.sphere.engine.run.RewardSettings;
import dev.sphere.engine.search.SearchSettings;
import dev.sphere.engine.settings.GivenSettings;
import dev.sphere.engine.settings.Setting;
import dev.sphere.engine.settings.SettingsTree;
import dev.sphere.engine.stage.PrmFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code lab/run compare}: strategies at equal cost. */
@Command(
    name = "lab/run compare",
    description = {
      "Strategies on the same problems, policy and process reward, at the same budget of tokens.",
      "  lab/run compare --model embedded --prm prm.gguf --problems embedded:test --limit 200 --budgets 500,1000,2000",
      "The rewards mc and outcome know the answers: good for pairs, not for accuracy.",
      "Accuracy with 95 % intervals, best-of-n as the yardstick; pairs for a million tokens."
    },
    modelTransformer = SettingFlags.Adder.class,
    sortOptions = false,
    mixinStandardHelpOptions = true)
final class Compare implements Callable<Integer>, SettingFlags.Command {
  /** Enough rollouts to rank steps: they may stop early, as the budget counts them. */
  private static final Map<String, Object> FIXED = Map.of("early_stop", true);

  private static final SettingsTree SETTINGS = ProblemOptions.SETTINGS
      .and(SettingsTree.of(RewardSettings.class, SearchSettings.class, ComparedSettings.class, Settings.class)
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
      description = "Write compare.md and compare.json there; made if missing.")
  private Path out;

  @Option(names = "--json", description = "One JSON object on the last line instead of the table.")
  private boolean json;

  @Spec private CommandSpec spec;

  public static void main(String[] args) {
    System.exit(new CommandLine(new Compare()).execute(args));
  }

  @Override
  public SettingFlags flags() {
    return flags;
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    Path file = ModelSource.resolve(model);
    ModelDefaults manner = ModelDefaults.of(file);
    GivenSettings told = flags.told();
    Map<String, Object> usual = new HashMap<>(manner.values());
    usual.putAll(FIXED);
    SearchSettings search = SETTINGS.make(SearchSettings.class, told, usual, Map.of());
    RewardSettings reward = SETTINGS.make(RewardSettings.class, told, usual, Map.of());
    Settings settings = SETTINGS.make(Settings.class, told);
    List<ComparedSettings> plans = plans(told);
    ProblemSet set = problems.read(SETTINGS.make(ReadOptions.class, told), spec.commandLine().getErr(), null);
    reward.requireReads(file);
    try (BatchedPolicy policy = BatchedPolicy.open(file, adapter, null, 0);
        PrmFactory opened = reward.open(new GradedAnswers());
        ProgressBars progress = new ProgressBars("compare", spec.commandLine().getErr())) {
      StrategyComparison comparison = new StrategyComparison(policy, opened, opened.passes(),
          opened::forget, search, manner.prompts(), settings.seed(), settings.parallel());
      report(new CompareReport(comparison.run(set.problems(), plans, progress), reward.knowsAnswers()));
    }
    return 0;
  }

  private List<ComparedSettings> plans(GivenSettings told) {
    List<ComparedStrategy> kinds = strategies.isEmpty() ? List.of(ComparedStrategy.values())
        : strategies.stream().map(ComparedStrategy::of).toList();
    List<ComparedSettings> plans = new ArrayList<>();
    for (ComparedStrategy kind : kinds) {
      for (long budget : budgets) {
        plans.add(SETTINGS.make(ComparedSettings.class, told, Map.of("strategy", kind, "budget", budget), Map.of()));
      }
    }
    return plans;
  }

  private void report(CompareReport report) throws IOException {
    String figures = JsonMapper.shared().writeValueAsString(report.toMap());
    var console = spec.commandLine().getOut();
    if (json) {
      console.println(figures);
    } else {
      report.table().forEach(console::println);
    }
    console.flush();
    if (out != null) {
      Files.createDirectories(out);
      Files.writeString(out.resolve("compare.md"), String.join("\n", report.table()) + "\n");
      Files.writeString(out.resolve("compare.json"), figures + "\n");
    }
  }
}
