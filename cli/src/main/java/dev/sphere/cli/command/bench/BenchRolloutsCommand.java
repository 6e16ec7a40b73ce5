package dev.sphere.cli.command.bench;

import dev.sphere.bindings.llama.Model;
import dev.sphere.bindings.load.NativeRuntime;
import dev.sphere.cli.option.SettingFlags;
import dev.sphere.engine.decode.Precision;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.settings.SettingsTree;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.ToDoubleFunction;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code sphere bench rollouts}. */
@Command(
    name = "rollouts",
    description = {
      "Tokens a second that the rollout engine generates, with sampling and log-probabilities.",
      "  ./sphere bench rollouts --model embedded --prompt 64 --generate 64 \\",
      "      --parallel 1,8,32,128"
    },
    modelTransformer = SettingFlags.Adder.class,
    mixinStandardHelpOptions = true)
public final class BenchRolloutsCommand implements Callable<Integer>, SettingFlags.Command {
  private static final SettingsTree SETTINGS = SettingsTree.of(Precision.class);

  private final SettingFlags flags = new SettingFlags(SETTINGS);

  @Option(names = "--model", defaultValue = "embedded", paramLabel = "MODEL",
      description = "A GGUF file, or embedded (default: ${DEFAULT-VALUE}).")
  private String model;

  @Option(names = "--prompt", defaultValue = "128", description = "Tokens a prompt (default: ${DEFAULT-VALUE}).")
  private int prompt;

  @Option(names = "--shared", defaultValue = "0",
      description = "Tokens at the beginning that all prompts share (default: ${DEFAULT-VALUE}).")
  private int shared;

  @Option(names = "--generate", defaultValue = "64", description = "Tokens a sequence (default: ${DEFAULT-VALUE}).")
  private int generate;

  @Option(names = "--parallel", defaultValue = "32", split = ",",
      description = "Sequences at once, one or several numbers (default: ${DEFAULT-VALUE}).")
  private List<Integer> parallel;

  @Option(names = "--repetitions", defaultValue = "3",
      description = "Timed repetitions, after one to warm up (default: ${DEFAULT-VALUE}).")
  private int repetitions;

  @Option(names = "--json", description = "One JSON object for each number of sequences instead.")
  private boolean json;

  @Spec private CommandSpec spec;

  /** One plan for each number of sequences. */
  public List<RolloutBench.Plan> plans() {
    return parallel.stream().map(p -> new RolloutBench.Plan(prompt, shared, generate, p, repetitions)).toList();
  }

  /** How exactly the model computes. */
  public Precision precision() {
    return SETTINGS.make(Precision.class, flags.told());
  }

  @Override
  public SettingFlags flags() {
    return flags;
  }

  @Override
  public Integer call() throws InterruptedException {
    List<RolloutBench.Plan> plans = plans();
    precision().use();
    try (Model loaded = Model.load(ModelSource.resolve(model))) {
      for (RolloutBench.Plan plan : plans) {
        try (RolloutBench bench = new RolloutBench(loaded, plan)) {
          print(loaded, plan, bench, runs(bench));
        }
      }
    }
    return 0;
  }

  private List<RolloutBench.Seconds> runs(RolloutBench bench) throws InterruptedException {
    bench.run(-1);
    List<RolloutBench.Seconds> runs = new ArrayList<>();
    for (int i = 0; i < repetitions; i++) {
      runs.add(bench.run(i));
    }
    return runs;
  }

  private void print(Model loaded, RolloutBench.Plan plan, RolloutBench bench, List<RolloutBench.Seconds> runs) {
    double[] whole = sorted(runs, plan::rate);
    double[] generation = sorted(runs, plan::generationRate);
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      Map<String, Object> m = new LinkedHashMap<>();
      m.put("model", loaded.description());
      m.put("prompt", prompt);
      m.put("shared", shared);
      m.put("generate", generate);
      m.put("parallel", plan.parallel());
      m.put("repetitions", repetitions);
      m.put("lanes", bench.options().lanes());
      m.put("threads", bench.options().threads());
      m.put("slots", bench.options().slots());
      m.put("tokens_per_second", median(whole));
      m.put("slowest", whole[0]);
      m.put("fastest", whole[repetitions - 1]);
      m.put("generation_tokens_per_second", median(generation));
      m.put("drawing_share", bench.drawingShare());
      m.put("llama_cpp", NativeRuntime.status().llamaVersion());
      m.put("sphere", NativeRuntime.status().sphereVersion());
      out.println(JsonMapper.shared().writeValueAsString(m));
    } else {
      out.printf(Locale.ROOT, "%d sequences: %.1f tokens/s (%.1f to %.1f), after the prompts %.1f; drawing %.1f %% of a "
              + "step%n", plan.parallel(), median(whole), whole[0], whole[repetitions - 1], median(generation),
          100 * bench.drawingShare());
    }
    out.flush();
  }

  private static double[] sorted(List<RolloutBench.Seconds> runs, ToDoubleFunction<RolloutBench.Seconds> rate) {
    return runs.stream().mapToDouble(rate).sorted().toArray();
  }

  private static double median(double[] sorted) {
    return (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2;
  }
}
