package dev.sphere.cli.command.bench;

import dev.sphere.bindings.kernel.Activations;
import dev.sphere.bindings.load.NativeRuntime;
import dev.sphere.cli.option.TrainOptions;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.trainer.autodiff.Products;
import dev.sphere.trainer.bench.OptimizerRates;
import dev.sphere.trainer.bench.ProductRates;
import dev.sphere.trainer.bench.TrainBench;
import dev.sphere.trainer.data.Packing;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
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
      "Tokens a second of DPO steps (reference and policy forward, backward, AdamW), beside the rate of this machine's own",
      "matrix products. lab/pytorch makes the same steps in PyTorch.",
      "  sphere bench train --model m.gguf --length 512 --pairs 1 --sharing none"
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
  private String sharing;

  @Option(names = "--products", defaultValue = "auto", description = "auto, f32, bf16 or int8 (default: ${DEFAULT-VALUE}).")
  private String products;

  @Option(names = "--activation-mib", defaultValue = "0", description = "Memory for activations; 0: the default.")
  private int activationMib;

  @Option(
      names = "--check",
      paramLabel = "N",
      description = "No speed: the largest difference to llama.cpp's log-probabilities over N random tokens.")
  private Integer check;

  @Option(names = "--threads", description = "Threads that compute (default: all cores).")
  private int threads = Runtime.getRuntime().availableProcessors();

  @Option(names = "--json", description = "One JSON object on the last line.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    Path file = ModelSource.resolve(model);
    PrintWriter out = spec.commandLine().getOut();
    Map<String, Object> report = new LinkedHashMap<>();
    if (check != null) {
      if (check < 2) {
        throw new IllegalArgumentException("--check must be at least 2: " + check);
      }
      double difference = TrainBench.differenceToInference(file, check, threads);
      out.printf(Locale.ROOT, "%s: log-probabilities differ from llama.cpp's by at most %.2e%n", file, difference);
      report.put("difference", difference);
    } else {
      measure(report, out);
    }
    report.put("model", file.toString());
    report.put("llama_cpp", NativeRuntime.status().llamaVersion());
    report.put("sphere", NativeRuntime.status().sphereVersion());
    if (json) {
      out.println(JsonMapper.shared().writeValueAsString(report));
    }
    out.flush();
    return 0;
  }

  /** What the measurement is told. */
  public TrainBench.Plan plan() {
    return new TrainBench.Plan(
        ModelSource.resolve(model), data == null ? null : TrainOptions.data(data), pairs, length, prompt, steps, rank,
        Packing.Sharing.of(sharing), Products.of(products), activationMib, threads);
  }

  private void measure(Map<String, Object> report, PrintWriter out) {
    TrainBench.Plan plan = plan();
    if (plan.products() == Products.INT8) {
      Activations.INT8.use(); // the way forward is ggml's then, which asks the process
    }
    Map<String, Object> result = new TrainBench(plan).run();
    ProductRates rates = ProductRates.measure(threads, 896, 4864);
    OptimizerRates memory = OptimizerRates.measure(threads);
    report.putAll(result);
    report.put("gemm_f32", rates.f32());
    report.put("gemm_bf16", rates.bf16());
    report.put("gemm_ggml_f32", rates.ggmlF32());
    report.put("gemm_ggml_bf16", rates.ggmlBf16());
    report.put("adamw_gbs", memory.adamw());
    report.put("copy_gbs", memory.copy());
    report.put("pairs", pairs);
    report.put("length", length);
    report.put("sharing", sharing);
    report.put("products", products);
    report.put("lora_rank", rank);
    report.put("threads", threads);
    out.printf(Locale.ROOT, "%.1f tokens/s (%.1f to %.1f), %.0f GFLOP/s without recomputation; tokens saved %.1f %%%n",
        (double) result.get("tokens_per_second"), (double) result.get("slowest"), (double) result.get("fastest"),
        (double) result.get("gflops"), 100 * (double) result.get("tokens_saved"));
    out.printf(Locale.ROOT, "products: F32 %.0f, BF16 %.0f; ggml's F32 %.0f, BF16 %.0f GFLOP/s%n",
        rates.f32(), rates.bf16(), rates.ggmlF32(), rates.ggmlBf16());
    out.printf(Locale.ROOT, "AdamW %.1f GB/s, copy %.1f GB/s; peak memory %d MiB%n",
        memory.adamw(), memory.copy(), (long) result.get("peak_mib"));
  }
}
