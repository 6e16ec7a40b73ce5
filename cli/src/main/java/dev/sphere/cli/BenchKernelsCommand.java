package dev.sphere.cli;

import dev.sphere.bindings.Model;
import dev.sphere.engine.bench.BenchResult;
import dev.sphere.engine.bench.KernelBench;
import dev.sphere.engine.embedded.ModelSource;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code sphere bench kernels}. */
@Command(
    name = "kernels",
    description = {
      "Sampling and log-probability kernels, beside what memory can do and llama.cpp's sampler chain; calls from Java.",
      "  sphere bench kernels --rows 128 --vocabulary 151936"
    },
    mixinStandardHelpOptions = true)
final class BenchKernelsCommand implements Callable<Integer> {
  @Option(names = "--model", defaultValue = "embedded", paramLabel = "MODEL",
      description = "Whose decode step the cost of calls is compared with: a GGUF file, or embedded (default).")
  private String model;

  @Option(names = "--rows", defaultValue = "128", description = "Rows of logits (default: ${DEFAULT-VALUE}).")
  private int rows;

  @Option(names = "--vocabulary", defaultValue = "151936", description = "Logits a row (default: ${DEFAULT-VALUE}).")
  private int vocabulary;

  @Option(names = "--threads", description = "Threads that share the rows (default: all cores).")
  private int threads = Runtime.getRuntime().availableProcessors();

  @Option(names = "--repetitions", defaultValue = "5", description = "After one to warm up (default: ${DEFAULT-VALUE}).")
  private int repetitions;

  @Option(names = "--json", description = "One JSON object on the last line.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws InterruptedException {
    KernelBench.Plan plan = new KernelBench.Plan(rows, vocabulary, threads, repetitions);
    BenchResult result;
    try (Model loaded = Model.load(ModelSource.resolve(model))) {
      result = new KernelBench(plan, loaded).run();
    }
    var out = spec.commandLine().getOut();
    BenchReport.table(result, out);
    if (json) {
      BenchReport.json(result.toMap(), out);
    }
    return 0;
  }
}
