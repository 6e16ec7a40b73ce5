package dev.sphere.cli;

import dev.sphere.bindings.Model;
import dev.sphere.engine.bench.BenchResult;
import dev.sphere.engine.bench.TreeBench;
import dev.sphere.engine.embedded.ModelSource;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code sphere bench tree}. */
@Command(
    name = "tree",
    description = {
      "Time of search trees, beside the same paths as sequences that share the prompt only, or nothing.",
      "  sphere bench tree --model embedded --trees 8 --prompt 128 --depth 6 --candidates 5 --step 32"
    },
    mixinStandardHelpOptions = true)
final class BenchTreeCommand implements Callable<Integer> {
  @Option(names = "--model", required = true, paramLabel = "MODEL", description = "A GGUF file, or embedded.")
  private String model;

  @Option(names = "--trees", defaultValue = "8", description = "Trees in flight together (default: ${DEFAULT-VALUE}).")
  private int trees;

  @Option(names = "--prompt", defaultValue = "128", description = "Tokens a prompt (default: ${DEFAULT-VALUE}).")
  private int prompt;

  @Option(names = "--depth", defaultValue = "6", description = "Steps a path (default: ${DEFAULT-VALUE}).")
  private int depth;

  @Option(names = "--candidates", defaultValue = "5",
      description = "Candidates an expansion, E (default: ${DEFAULT-VALUE}).")
  private int candidates;

  @Option(names = "--step", defaultValue = "32", description = "Tokens a step (default: ${DEFAULT-VALUE}).")
  private int step;

  @Option(names = "--repetitions", defaultValue = "3", description = "After one to warm up (default: ${DEFAULT-VALUE}).")
  private int repetitions;

  @Option(names = "--json", description = "One JSON object on the last line.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws InterruptedException {
    Path file = ModelSource.resolve(model);
    TreeBench.Plan plan = new TreeBench.Plan(trees, prompt, depth, candidates, step, repetitions);
    BenchResult result;
    try (Model loaded = Model.load(file)) {
      result = new TreeBench(loaded, plan).run();
    }
    var out = spec.commandLine().getOut();
    BenchReport.table(result, out);
    if (json) {
      BenchReport.json(result.toMap(), out);
    }
    return 0;
  }
}
