package dev.sphere.cli.command.bench;

import dev.sphere.bindings.llama.Model;
import dev.sphere.cli.option.SettingFlags;
import dev.sphere.engine.bench.KernelBench;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code sphere bench kernels}. */
@Command(
    name = "kernels",
    description = {
      "Sampling and log-probability kernels, beside what memory can do and llama.cpp's sampler chain; calls from Java.",
      "--model is the one whose decode step the cost of calls is compared with.",
      "  sphere bench kernels --rows 128 --vocabulary 151936"
    },
    modelTransformer = SettingFlags.Adder.class,
    mixinStandardHelpOptions = true)
public final class BenchKernelsCommand extends BenchOfModel {
  @Option(names = "--rows", defaultValue = "128", description = "Rows of logits (default: ${DEFAULT-VALUE}).")
  private int rows;

  @Option(names = "--vocabulary", defaultValue = "151936", description = "Logits a row (default: ${DEFAULT-VALUE}).")
  private int vocabulary;

  @Option(names = "--threads", description = "Threads that share the rows (default: all cores).")
  private int threads = Runtime.getRuntime().availableProcessors();

  @Option(names = "--repetitions", defaultValue = "5",
      description = "Timed repetitions, after one to warm up (default: ${DEFAULT-VALUE}).")
  private int repetitions;

  @Override
  public List<KernelBench.Plan> plans() {
    return List.of(new KernelBench.Plan(rows, vocabulary, threads, repetitions));
  }

  @Override
  List<Bench> benches(Model loaded) {
    return List.of(new KernelBench(plans().getFirst(), loaded)::run);
  }
}
