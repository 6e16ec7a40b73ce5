package dev.sphere.lab.bench;

import dev.sphere.bindings.kernel.Activations;
import dev.sphere.bindings.llama.Model;
import dev.sphere.cli.command.bench.RolloutBench;
import dev.sphere.engine.decode.Precision;
import dev.sphere.engine.embedded.ModelSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.json.JsonMapper;

/** {@code lab/run bench}: every figure beside its baseline, measured in turns in the same run. */
@Command(
    name = "lab/run bench",
    description = {
      "Sphere beside llama.cpp and beside what this machine's memory can do, in turns in the same run. Medians of the",
      "repetitions, with the slowest and the fastest one. Nothing else should run meanwhile."
    },
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = CommandLine.HelpCommand.class)
final class Bench {
  private static final String CORES = "-1";

  /** Options of all measurements. */
  static final class Output {
    @Option(names = "--repetitions", defaultValue = "3",
        description = "Timed repetitions, after one to warm up (default: ${DEFAULT-VALUE}).")
    private int repetitions;

    @Option(names = "--json", description = "One JSON object with the machine's facts as the last line.")
    private boolean json;
  }

  /** The model that is measured. */
  static final class Measured {
    @Option(names = "--model", defaultValue = "embedded", paramLabel = "MODEL",
        description = "A GGUF file, or embedded (default: ${DEFAULT-VALUE}).")
    private String model;

    @Option(names = "--activations", defaultValue = "auto", paramLabel = "TYPE",
        description = "What products with weights round activations to: ${COMPLETION-CANDIDATES} (default: auto).")
    private Activations activations;

    private Model load() {
      new Precision(activations).use();
      return Model.load(ModelSource.resolve(model));
    }
  }

  private interface Measurement {
    BenchResult run() throws InterruptedException;
  }

  public static void main(String[] args) {
    CommandLine line = new CommandLine(new Bench());
    line.setUsageHelpWidth(120);
    line.getSubcommands().values().forEach(c -> c.setCaseInsensitiveEnumValuesAllowed(true).setUsageHelpWidth(120));
    System.exit(line.execute(args));
  }

  private static void report(Measurement measurement, Output output) throws InterruptedException {
    report(List.of(measurement), output);
  }

  private static void report(List<Measurement> measurements, Output output) throws InterruptedException {
    List<BenchResult> results = new ArrayList<>();
    for (Measurement m : measurements) {
      results.add(m.run());
      BenchReport.table(results.getLast(), System.out);
    }
    if (output.json) {
      results.forEach(r -> System.out.println(JsonMapper.shared().writeValueAsString(r.toMap())));
    }
  }

  private static void report(Measured measured, Output output, Function<Model, Measurement> measurement)
      throws InterruptedException {
    try (Model model = measured.load()) {
      report(measurement.apply(model), output);
    }
  }

  private static int threads(int asked) {
    return asked > 0 ? asked : Runtime.getRuntime().availableProcessors();
  }

  @Command(mixinStandardHelpOptions = true, description = {
    "The rollout engine beside llama.cpp's loop without any sampling, with its sampler chains, and with sampling in the",
    "graph. llama.cpp's own tools: lab/run bench-peers."})
  void rollouts(@Mixin Measured measured, @Mixin Output output,
      @Option(names = "--prompt", defaultValue = "128") int prompt,
      @Option(names = "--shared", defaultValue = "0") int shared,
      @Option(names = "--generate", defaultValue = "64") int generate,
      @Option(names = "--parallel", defaultValue = "32", split = ",") List<Integer> parallel) throws InterruptedException {
    try (Model model = measured.load()) {
      report(parallel.stream()
          .map(n -> new RolloutBench.Plan(prompt, shared, generate, n, output.repetitions))
          .<Measurement>map(plan -> new RolloutPeers(model, plan)::run).toList(), output);
    }
  }

  @Command(mixinStandardHelpOptions = true, description = {
    "Search trees in the rollout engine, beside their paths as sequences that share the prompt, or nothing."})
  void tree(@Mixin Measured measured, @Mixin Output output,
      @Option(names = "--trees", defaultValue = "8") int trees,
      @Option(names = "--prompt", defaultValue = "128") int prompt,
      @Option(names = "--depth", defaultValue = "6") int depth,
      @Option(names = "--candidates", defaultValue = "5") int candidates,
      @Option(names = "--step", defaultValue = "32") int step) throws InterruptedException {
    report(measured, output,
        model -> new TreeBench(model, new TreeBench.Plan(trees, prompt, depth, candidates, step, output.repetitions))::run);
  }

  @Command(mixinStandardHelpOptions = true, description = {
    "Scoring the pairs of search trees, beside separate sequences through llama.cpp. A tree's pairs set a leaf of its",
    "better chain against one of its worse chain; --pairs 1 shares the prompt only."})
  void score(@Mixin Measured measured, @Mixin Output output,
      @Option(names = "--trees", defaultValue = "32") int trees,
      @Option(names = "--pairs", defaultValue = "4") int pairs,
      @Option(names = "--prompt", defaultValue = "128") int prompt,
      @Option(names = "--depth", defaultValue = "6") int depth,
      @Option(names = "--step", defaultValue = "32") int step) throws InterruptedException {
    report(measured, output,
        model -> new ScoreBench(model, new ScoreBench.Plan(trees, pairs, prompt, depth, step, output.repetitions))::run);
  }

  @Command(mixinStandardHelpOptions = true, description = {
    "Search trees in a KV cache whose cells sequences share, as the engine uses it, beside one stream a sequence, where a",
    "fork copies a stream."})
  void cache(@Mixin Measured measured, @Mixin Output output,
      @Option(names = "--trees", defaultValue = "8") int trees,
      @Option(names = "--candidates", defaultValue = "5") int candidates,
      @Option(names = "--prompt", defaultValue = "128") int prompt,
      @Option(names = "--depth", defaultValue = "4") int depth,
      @Option(names = "--step", defaultValue = "20") int step,
      @Option(names = "--threads", defaultValue = CORES) int threads) throws InterruptedException {
    CacheBench.Plan plan =
        new CacheBench.Plan(trees, candidates, prompt, depth, step, threads(threads), output.repetitions);
    report(measured, output, model -> new CacheBench(model, plan)::run);
  }

  @Command(mixinStandardHelpOptions = true, description = {
    "Sampling and log-probability kernels, beside copying and reading memory and llama.cpp's sampler chain. What calls,",
    "steps and allocations cost: lab/run jmh."})
  void kernels(@Mixin Output output,
      @Option(names = "--rows", defaultValue = "128") int rows,
      @Option(names = "--vocabulary", defaultValue = "151936") int vocabulary,
      @Option(names = "--threads", defaultValue = CORES) int threads) throws InterruptedException {
    report(new KernelBench(new KernelBench.Plan(rows, vocabulary, threads(threads), output.repetitions))::run, output);
  }

  @Command(mixinStandardHelpOptions = true, description = {
    "Matrix products of training beside ggml's, in 10^9 operations a second; AdamW beside copying, in 10^9 bytes a second."})
  void products(@Option(names = "--threads", defaultValue = CORES) int threads) {
    ProductRates rates = ProductRates.measure(threads(threads), 896, 4864);
    OptimizerRates memory = OptimizerRates.measure(threads(threads));
    System.out.printf(Locale.ROOT, "products: F32 %.0f, BF16 %.0f; ggml's F32 %.0f, BF16 %.0f GFLOP/s%n",
        rates.f32(), rates.bf16(), rates.ggmlF32(), rates.ggmlBf16());
    System.out.printf(Locale.ROOT, "AdamW %.1f GB/s, copy %.1f GB/s%n", memory.adamw(), memory.copy());
  }

  @Command(mixinStandardHelpOptions = true, description = {
    "The largest difference between the trainer's log-probabilities and llama.cpp's over random tokens."})
  void check(@Option(names = "--model", defaultValue = "embedded") String model,
      @Option(names = "--tokens", defaultValue = "64") int tokens,
      @Option(names = "--threads", defaultValue = CORES) int threads) {
    System.out.printf(Locale.ROOT, "%s: log-probabilities differ from llama.cpp's by at most %.2e%n", model,
        LogProbCheck.difference(ModelSource.resolve(model), tokens, threads(threads)));
  }
}
