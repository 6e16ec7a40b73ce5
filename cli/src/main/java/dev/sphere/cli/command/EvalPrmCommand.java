package dev.sphere.cli.command;

import dev.sphere.base.HeldFiles;
import dev.sphere.cli.option.Inputs;
import dev.sphere.engine.Problem;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.data.ReadOptions;
import dev.sphere.engine.data.StepCase;
import dev.sphere.engine.decode.BatchedPolicy;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.embedded.ProblemSource;
import dev.sphere.engine.embedded.StepCaseSource;
import dev.sphere.engine.eval.StepQuality;
import dev.sphere.engine.eval.StepScores;
import dev.sphere.engine.grade.AnswerGrader;
import dev.sphere.engine.reward.Aggregation;
import dev.sphere.engine.reward.ImplicitPrm;
import dev.sphere.engine.reward.MonteCarloPrm;
import dev.sphere.engine.run.ModelDefaults;
import dev.sphere.engine.run.OpenPrm;
import dev.sphere.engine.run.PrmSpec;
import dev.sphere.engine.search.SearchSettings;
import dev.sphere.engine.strategy.BestOfNGain;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
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
    name = "eval-prm",
    description = {
      "Measures a process reward: sphere eval prm",
      "  sphere eval prm --prm prm.gguf --model embedded --steps embedded:steps --problems embedded:validation --samples 8",
      "  sphere eval prm --prm implicit:base.gguf --model tuned.gguf --steps processbench_gsm8k.jsonl",
      "With --steps (ProcessBench's format): step-level AUC and first-error F1. With --problems: what best-of-N gains."
    },
    sortOptions = false,
    mixinStandardHelpOptions = true)
public final class EvalPrmCommand implements Callable<Integer> {
  @Option(names = "--prm", paramLabel = "KIND", required = true, description = "The process reward, as in search.")
  private String prm;

  @Option(names = "--model", paramLabel = "MODEL", required = true,
      description = "The policy: rolls out for mc, is the better model of implicit:REF, and samples for best-of-N.")
  private String model;

  @Option(names = "--steps", paramLabel = "FILE",
      description = "Solutions with a known first wrong step, in ProcessBench's format, or embedded:steps.")
  private String steps;

  @Option(names = "--steps-limit", paramLabel = "N", description = "Only the first N of them (default: all).")
  private int stepsLimit;

  @Option(names = "--threshold", paramLabel = "T", description = "A step below it is taken for wrong (default: 0.5).")
  private double threshold = 0.5;

  @Option(names = "--problems", paramLabel = "FILE", description = "Problems for best-of-N.")
  private String problems;

  @Option(names = "--limit", paramLabel = "N", description = "Only the first N of them (default: all).")
  private int limit;

  @Option(names = "--samples", paramLabel = "N", description = "Solutions a problem for best-of-N (default: 8).")
  private int samples = 8;

  @Option(names = "--prm-beta", paramLabel = "B", description = "Of the implicit reward (default: 0.05).")
  private double prmBeta = ImplicitPrm.BETA;

  @Option(names = "--rollouts", paramLabel = "K", description = "Rollouts a step for --prm mc (default: 8).")
  private int rollouts = 8;

  @Option(names = "--temperature", paramLabel = "T", description = "Of every draw (default: 0.8).")
  private float temperature = 0.8f;

  @Option(names = "--separator", paramLabel = "TEXT",
      description = "What ends a step, \\n for a line feed (default: an empty line; embedded models: a line feed).")
  private String separator;

  @Option(names = "--seed", paramLabel = "N", description = "Seed of every draw (default: 1).")
  private long seed = 1;

  @Option(names = "--parallel", paramLabel = "N",
      description = "Solutions in flight (default: 32); changes speed alone.")
  private int parallel = 32;

  @Option(names = "--out", paramLabel = "FILE", description = "Write every step's score there, a JSON line a solution.")
  private Path out;

  @Option(names = "--json", description = "One JSON object on the last line instead of text.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException, InterruptedException {
    if (steps == null && problems == null) {
      throw new IllegalArgumentException("nothing to measure: give --steps, --problems or both");
    }
    if (out != null) {
      Inputs.requireWritable(out);
    }
    Path file = ModelSource.resolve(model);
    ModelDefaults manner = ModelDefaults.of(file);
    String end = separator == null ? manner.separator() : separator.replace("\\n", "\n");
    // Given solutions come without the policy's log-probabilities: it is read like the reference.
    boolean bare = prm.startsWith("implicit:") && !prm.contains(",");
    PrmSpec reward = new PrmSpec(bare ? "implicit:" + file + "," + prm.substring("implicit:".length()) : prm,
        new MonteCarloPrm.Settings(
            rollouts, SamplingSettings.temperature(temperature, manner.solutionTokens()), false), prmBeta);
    List<StepCase> cases = steps == null ? List.of() : StepCaseSource.read(steps, stepsLimit);
    if (reward.knowsAnswers() && cases.stream().anyMatch(c -> c.problem().answer().isEmpty())) {
      throw new IllegalArgumentException(
          "--prm " + prm + " needs the problems' answers, but " + steps + " has rows without an answer field");
    }
    List<Problem> list =
        problems == null ? List.of() : ProblemSource.read(problems, ReadOptions.defaults().withLimit(limit)).problems();
    Map<String, Object> figures = new LinkedHashMap<>();
    figures.put("prm", prm);
    figures.put("reward_knows_answers", reward.knowsAnswers());
    try (HeldFiles files = reward.hold(file);
        BatchedPolicy policy = BatchedPolicy.open(file, null, null, 0);
        OpenPrm opened = reward.open(new AnswerGrader())) {
      if (!cases.isEmpty()) {
        figures.put("steps", steps(cases, policy, opened, files, file, manner, end));
      }
      if (!list.isEmpty()) {
        figures.put("best_of_n", gain(list, policy, opened, files, file, manner, end));
      }
    }
    if (json) {
      spec.commandLine().getOut().println(JsonMapper.shared().writeValueAsString(figures));
    }
    spec.commandLine().getOut().flush();
    return 0;
  }

  private Map<String, Object> steps(
      List<StepCase> cases, BatchedPolicy policy, OpenPrm opened, HeldFiles files, Path file, ModelDefaults manner, String end)
      throws IOException, InterruptedException {
    long start = System.nanoTime();
    long drawn = policy.counters().drawn();
    List<double[]> scores = StepScores.of(cases, policy, opened.factory(file).over(policy), manner.prompts(), end, seed,
        parallel, done -> { });
    files.requireUnchanged();
    double seconds = (System.nanoTime() - start) / 1e9;
    if (out != null) {
      StringBuilder lines = new StringBuilder();
      for (int i = 0; i < cases.size(); i++) {
        Map<String, Object> row = new LinkedHashMap<>();
        row.put("id", cases.get(i).problem().id());
        row.put("label", cases.get(i).label());
        row.put("scores", scores.get(i));
        lines.append(JsonMapper.shared().writeValueAsString(row)).append('\n');
      }
      Files.writeString(out, lines);
    }
    StepQuality q = StepQuality.of(cases, scores, threshold, seed);
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

  private Map<String, Object> gain(
      List<Problem> list, BatchedPolicy policy, OpenPrm opened, HeldFiles files, Path file, ModelDefaults manner, String end)
      throws InterruptedException {
    SearchSettings search = SearchSettings.paper().withSeparator(end)
        .withSampling(SamplingSettings.temperature(temperature, manner.stepTokens()));
    long start = System.nanoTime();
    BestOfNGain g = BestOfNGain.measure(
        policy, opened.factory(file), opened.passes(), search, manner.prompts(), list, samples, seed, parallel);
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
