package dev.sphere.cli.command.bench;

import dev.sphere.bindings.kernel.Activations;
import dev.sphere.bindings.load.NativeRuntime;
import dev.sphere.cli.option.TrainOptions;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.trainer.autodiff.MatmulPrecision;
import dev.sphere.trainer.data.Packing;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code sphere bench train}. */
@Command(
    name = "train",
    description = {
      "Tokens a second of DPO steps (reference and policy forward, backward, AdamW).",
      "  ./sphere bench train --model m.gguf --length 512 --pairs 1 --sharing none"
    },
    mixinStandardHelpOptions = true)
public final class BenchTrainCommand implements Callable<Integer> {
  @Option(names = "--model", required = true, paramLabel = "MODEL", description = "A GGUF file, or embedded.")
  private String model;

  @Option(
      names = "--data",
      paramLabel = "FILE",
      description = "Pairs of a search or preference rows (default: random tokens, --length of them).")
  private Path data;

  @Option(names = "--pairs", defaultValue = "1", description = "Pairs of a step (default: ${DEFAULT-VALUE}).")
  private int pairs;

  @Option(names = "--length", defaultValue = "512", description = "Tokens a sequence (default: ${DEFAULT-VALUE}).")
  private int length;

  @Option(names = "--prompt", defaultValue = "128",
      description = "Tokens of a sequence that are prompt (default: ${DEFAULT-VALUE}).")
  private int prompt;

  @Option(names = "--steps", defaultValue = "3",
      description = "Timed steps, after one to warm up (default: ${DEFAULT-VALUE}).")
  private int steps;

  @Option(names = "--lora-rank", defaultValue = "16", description = "0 trains all weights (default: ${DEFAULT-VALUE}).")
  private int rank;

  @Option(
      names = "--sharing",
      defaultValue = "tree",
      description = "What computes common beginnings once: tree, pair or none (default: ${DEFAULT-VALUE}).")
  private Packing.Sharing sharing;

  @Option(names = "--products", defaultValue = "auto",
      description = "auto, f32, bf16 or int8 (default: ${DEFAULT-VALUE}).")
  private MatmulPrecision products;

  @Option(names = "--activation-mib", defaultValue = "0", description = "Memory for activations; 0: the default.")
  private int activationMib;

  @Option(names = "--threads", description = "Threads that compute (default: all cores).")
  private int threads = Runtime.getRuntime().availableProcessors();

  @Option(names = "--json", description = "One JSON object on the last line.")
  private boolean json;

  @Spec private CommandSpec spec;

  /** The steps that are timed. */
  public TrainBench.Plan plan() {
    return new TrainBench.Plan(
        ModelSource.resolve(model), data == null ? null : TrainOptions.data(data), pairs, length, prompt, steps, rank,
        sharing, products, activationMib, threads);
  }

  @Override
  public Integer call() {
    TrainBench.Plan plan = plan();
    if (plan.products() == MatmulPrecision.INT8) {
      Activations.INT8.use(); // the way forward is ggml's then, which asks the process
    }
    Map<String, Object> report = new TrainBench(plan).run();
    PrintWriter out = spec.commandLine().getOut();
    out.printf(Locale.ROOT, "%.1f tokens/s (%.1f to %.1f), %.0f GFLOP/s without recomputation; tokens saved %.1f %%; "
            + "peak memory %d MiB%n",
        (double) report.get("tokens_per_second"), (double) report.get("slowest"), (double) report.get("fastest"),
        (double) report.get("gflops"), 100 * (double) report.get("tokens_saved"), (long) report.get("peak_mib"));
    if (json) {
      report.put("pairs", pairs);
      report.put("length", length);
      report.put("sharing", sharing);
      report.put("products", products);
      report.put("lora_rank", rank);
      report.put("threads", threads);
      report.put("model", plan.model().toString());
      report.put("llama_cpp", NativeRuntime.status().llamaVersion());
      report.put("sphere", NativeRuntime.status().sphereVersion());
      out.println(JsonMapper.shared().writeValueAsString(report));
    }
    out.flush();
    return 0;
  }
}
