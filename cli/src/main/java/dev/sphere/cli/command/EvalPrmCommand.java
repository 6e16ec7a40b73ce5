package dev.sphere.cli.command;

import dev.sphere.base.HeldFiles;
import dev.sphere.base.Sha256;
import dev.sphere.cli.option.Ending;
import dev.sphere.cli.option.Inputs;
import dev.sphere.cli.option.SettingFlags;
import dev.sphere.cli.progress.ProgressBars;
import dev.sphere.engine.Problem;
import dev.sphere.engine.data.JsonText;
import dev.sphere.engine.data.ReadOptions;
import dev.sphere.engine.data.StepCase;
import dev.sphere.engine.decode.BatchedPolicy;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.embedded.ProblemSource;
import dev.sphere.engine.embedded.StepCaseSource;
import dev.sphere.engine.eval.StepQuality;
import dev.sphere.engine.eval.StepScores;
import dev.sphere.engine.reward.Aggregation;
import dev.sphere.engine.reward.GradedAnswers;
import dev.sphere.engine.run.ModelDefaults;
import dev.sphere.engine.run.RewardSettings;
import dev.sphere.engine.search.SearchSettings;
import dev.sphere.engine.settings.GivenSettings;
import dev.sphere.engine.settings.Setting;
import dev.sphere.engine.settings.SettingsTree;
import dev.sphere.engine.stage.PrmFactory;
import dev.sphere.engine.store.Journal;
import dev.sphere.engine.strategy.BestOfNGain;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code sphere eval prm}: is a process reward worth its price? */
@Command(
    name = "prm",
    description = {
      "Measures a process reward.",
      "  ./sphere eval prm --prm prm.gguf --model embedded --steps embedded:steps \\",
      "      --problems embedded:validation --samples 8",
      "  ./sphere eval prm --prm implicit:base.gguf --model tuned.gguf \\",
      "      --steps processbench_gsm8k.jsonl",
      "With --steps (ProcessBench's format): step-level AUC and first-error F1. With --problems: what best-of-N gains.",
      "With --out the steps' scores are kept as they come, and --resume goes on where a broken-off call stood."
    },
    modelTransformer = SettingFlags.Adder.class,
    sortOptions = false,
    mixinStandardHelpOptions = true)
public final class EvalPrmCommand implements Callable<Integer>, SettingFlags.Command {
  private static final SettingsTree SETTINGS = SettingsTree.of(RewardSettings.class, SearchSettings.class)
      .only("prm", "rollouts", "prm_beta", "temperature", "separator").required("prm")
      .and(SettingsTree.of(Settings.class)).and(SettingsTree.of(ReadOptions.class).only("limit"));

  /**
   * What is measured.
   *
   * @param stepsLimit most solutions with known first wrong step; 0: all
   * @param threshold a step below it is taken for wrong
   * @param samples solutions of a problem, of which the reward chooses one
   * @param seed of every draw
   * @param parallel solutions in flight
   */
  record Settings(
      @Setting(def = "0", shown = "0, all", range = "[0, )", label = "N", needs = "steps",
          help = "Only the first N solutions of --steps.")
      int stepsLimit,
      @Setting(def = "0.5", range = "(, )", label = "T", needs = "steps", help = "A step below it is taken for wrong.")
      double threshold,
      @Setting(def = "8", range = "[1, 10000]", label = "N", needs = "problems", help = "Solutions a problem for best-of-N.")
      int samples,
      @Setting(def = "1", label = "N", help = "Seed of every draw.")
      long seed,
      @Setting(def = "32", range = "[1, 10000]", label = "N", effect = Setting.Effect.SPEED,
          help = "Solutions in flight; changes the speed, never the result.")
      int parallel) {}

  private final SettingFlags flags = new SettingFlags(SETTINGS);

  @Option(names = "--model", paramLabel = "MODEL", required = true,
      description = "The policy: rolls out for mc, is the better model of implicit:REF, and samples for best-of-N.")
  private String model;

  @Option(names = "--steps", paramLabel = "FILE",
      description = "Solutions with a known first wrong step, in ProcessBench's format, or embedded:steps.")
  private String steps;

  @Option(names = "--problems", paramLabel = "FILE", description = "Problems for best-of-N.")
  private String problems;

  @Option(names = "--out", paramLabel = "FILE", description = "Write every step's score there, a JSON line a solution.")
  private Path out;

  @Option(names = "--resume", description = "Go on with scores for --out that were broken off.")
  private boolean resume;

  @Option(names = "--json", description = "One JSON object on the last line instead of text.")
  private boolean json;

  @Spec private CommandSpec spec;

  private Settings settings;

  /** The scores of a solution's steps; {@code number} is its place among all. */
  record Scored(int number, String id, int label, double[] scores) {
    /** Names the solution; null where something is missing. */
    String item() {
      return id == null || scores == null ? null : String.valueOf(number);
    }
  }

  private static final Journal.Kind<Scored> JOURNAL = new Journal.Kind<>(Scored.class, "scoring", "steps' scores", Scored::item, s -> 0);

  @Override
  public SettingFlags flags() {
    return flags;
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    if (steps == null && problems == null) {
      throw new IllegalArgumentException("nothing to measure: give --steps, --problems or both");
    }
    if (out != null) {
      Inputs.requireWritable(out);
    }
    if (resume && (out == null || steps == null)) {
      throw new IllegalArgumentException("--resume goes on with what --steps and --out began; give both");
    }
    Path file = ModelSource.resolve(model);
    try (HeldFiles _ = new HeldFiles(List.of(file))) { // opened and checked once, from the defaults on
      return call(file);
    }
  }

  private int call(Path file) throws IOException, InterruptedException {
    ModelDefaults manner = ModelDefaults.of(file);
    GivenSettings told = flags.told();
    settings = SETTINGS.make(Settings.class, told);
    RewardSettings asked = SETTINGS.make(RewardSettings.class, told, manner.values(), Map.of());
    String prm = asked.kind();
    SearchSettings search = SETTINGS.make(SearchSettings.class, told, manner.values(), Map.of());
    // Given solutions come without the policy's log-probabilities: it is read like the reference.
    boolean bare = prm.startsWith("implicit:") && !prm.contains(",");
    RewardSettings reward = !bare ? asked : new RewardSettings(
        "implicit:" + file + "," + prm.substring("implicit:".length()), asked.monteCarlo(), asked.beta());
    reward.requireReads(file);
    List<StepCase> cases = steps == null ? List.of() : StepCaseSource.read(steps, settings.stepsLimit());
    if (reward.knowsAnswers() && cases.stream().anyMatch(c -> c.problem().answer().isEmpty())) {
      throw new IllegalArgumentException(
          "--prm " + prm + " needs the problems' answers, but " + steps + " has rows without an answer field");
    }
    List<Problem> list =
        problems == null ? List.of() : ProblemSource.read(problems, SETTINGS.make(ReadOptions.class, told)).problems();
    Map<String, Object> figures = new LinkedHashMap<>();
    figures.put("prm", prm);
    figures.put("reward_knows_answers", reward.knowsAnswers());
    try (HeldFiles files = reward.hold(file);
        Journal<Scored> journal = out == null || cases.isEmpty() ? null
            : Journal.open(JOURNAL, out, made(file, cases, reward, search, manner), 1, resume);
        BatchedPolicy policy = BatchedPolicy.open(file, null, null, 0);
        PrmFactory opened = reward.open(new GradedAnswers())) {
      if (!cases.isEmpty()) {
        figures.put("steps", steps(cases, journal, policy, opened, files, file, manner, search.separator()));
      }
      if (!list.isEmpty()) {
        figures.put("best_of_n", gain(list, policy, opened, files, file, manner, search));
      }
    }
    if (json) {
      spec.commandLine().getOut().println(JsonMapper.shared().writeValueAsString(figures));
    }
    Ending.print(spec, prm.endsWith(".gguf") ? "search --prm " + Ending.word(prm) + " --model " + Ending.word(model)
        + " --problems PROBLEMS --run RUN" : "", out);
    return 0;
  }

  private Map<String, Object> steps(
      List<StepCase> cases, Journal<Scored> journal, BatchedPolicy policy, PrmFactory opened, HeldFiles files, Path file,
      ModelDefaults manner, String end)
      throws IOException, InterruptedException {
    long start = System.nanoTime();
    long drawn = policy.counters().drawn();
    List<double[]> scores;
    Map<Integer, double[]> known = new HashMap<>();
    if (journal != null) {
      PrintWriter err = spec.commandLine().getErr();
      journal.findings().forEach(f -> err.println("eval prm: " + f));
      journal.known().values().forEach(rows -> known.put(rows.getFirst().number(), rows.getFirst().scores()));
      if (!known.isEmpty()) {
        err.println("eval prm: " + known.size() + " of " + cases.size() + " solutions were scored before; seconds and tokens are the rest's");
      }
      err.flush();
    }
    try (ProgressBars progress = new ProgressBars("eval prm", spec.commandLine().getErr())) {
      scores = StepScores.of(cases, policy, opened.over(policy), manner.prompts(), end, settings.seed(),
          settings.parallel(), known, (i, scored) -> {
            files.requireUnchanged();
            if (journal != null) {
              journal.add(List.of(scored(cases, i, scored)));
            }
          }, progress);
    }
    files.requireUnchanged();
    double seconds = (System.nanoTime() - start) / 1e9;
    if (journal != null) {
      journal.finish(target -> {
        for (int i = 0; i < cases.size(); i++) {
          Scored row = scored(cases, i, scores.get(i));
          Map<String, Object> fields = new LinkedHashMap<>();
          fields.put("id", row.id());
          fields.put("label", row.label());
          fields.put("scores", row.scores());
          target.write(JsonText.MAPPER.writeValueAsBytes(fields));
          target.write('\n');
        }
      });
    }
    StepQuality q = StepQuality.of(cases, scores, settings.threshold(), settings.seed());
    Map<String, Object> m = q.toMap();
    m.put("seconds", seconds);
    m.put("generated_tokens", policy.counters().drawn() - drawn);
    m.put("computed_tokens", opened.tokens());
    if (!json) {
      say("%d solutions, %d with a wrong step; %.1f s, %d tokens generated, %d read", q.cases(), q.withError(), seconds,
          policy.counters().drawn() - drawn, opened.tokens());
      say("step AUC %.3f (95 %%: %.3f to %.3f)", q.auc(), q.aucInterval().low(), q.aucInterval().high());
      say("first error at threshold %.2f: F1 %.1f %% (95 %%: %.1f to %.1f); found on wrong %.1f %%, none on right %.1f %%",
          q.threshold(), 100 * q.atThreshold().f1(), 100 * q.f1Interval().low(), 100 * q.f1Interval().high(),
          100 * q.atThreshold().onWrong(), 100 * q.atThreshold().onRight());
      say("first error, threshold %.3f tuned on every other solution, measured on the rest: F1 %.1f %%",
          q.tunedThreshold(), 100 * q.tuned().f1());
    }
    return m;
  }

  private static Scored scored(List<StepCase> cases, int i, double[] scores) {
    return new Scored(i, cases.get(i).problem().id(), cases.get(i).label(), scores);
  }

  /** What the steps' scores are made from. */
  private Map<String, String> made(Path file, List<StepCase> cases, RewardSettings reward, SearchSettings search, ModelDefaults manner) {
    Map<String, String> made = reward.judging(file, null, null, manner.prompts(), search, settings.seed());
    made.put("steps", Sha256.of(JsonText.MAPPER.writeValueAsBytes(cases)));
    return made;
  }

  private Map<String, Object> gain(
      List<Problem> list, BatchedPolicy policy, PrmFactory opened, HeldFiles files, Path file, ModelDefaults manner,
      SearchSettings search)
      throws InterruptedException {
    long start = System.nanoTime();
    BestOfNGain g = BestOfNGain.measure(
        policy, opened, opened.passes(), search, manner.prompts(), list, settings.samples(),
        settings.seed(), settings.parallel());
    files.requireUnchanged();
    Map<String, Object> m = g.toMap();
    m.put("seconds", (System.nanoTime() - start) / 1e9);
    if (!json) {
      say("best of %d on %d problems: mean %.1f %%, any right %.1f %%; %d tokens generated, %d read", g.samples(),
          g.problems(), 100 * g.mean(), 100 * g.coverage(), g.generated(), g.read());
      for (Aggregation a : Aggregation.values()) {
        say("  by %-7s %.1f %%: %+.1f points (95 %%: %+.1f to %+.1f)", a.label(), 100 * g.chosen().get(a),
            100 * (g.chosen().get(a) - g.mean()), 100 * g.gain().get(a).low(), 100 * g.gain().get(a).high());
      }
    }
    return m;
  }

  private void say(String format, Object... values) {
    PrintWriter writer = spec.commandLine().getOut();
    writer.println(String.format(Locale.ROOT, format, values));
  }
}
