package dev.sphere.cli;

import dev.sphere.bindings.Model;
import dev.sphere.engine.bench.BenchResult;
import dev.sphere.engine.bench.ScoreBench;
import dev.sphere.engine.embedded.ModelSource;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code sphere bench score}. */
@Command(
    name = "score",
    description = {
      "Time to score the pairs of search trees, beside separate sequences through llama.cpp.",
      "A tree's pairs set a leaf of its better chain against one of its worse chain; --pairs 1 shares the prompt only.",
      "  sphere bench score --model embedded --trees 32 --pairs 4 --prompt 128 --depth 6 --step 32"
    },
    mixinStandardHelpOptions = true)
final class BenchScoreCommand implements Callable<Integer> {
  @Option(names = "--model", required = true, paramLabel = "MODEL", description = "A GGUF file, or embedded.")
  private String model;

  @Option(names = "--trees", defaultValue = "32", description = "Trees (default: ${DEFAULT-VALUE}).")
  private int trees;

  @Option(names = "--pairs", defaultValue = "4", description = "Pairs of each tree (default: ${DEFAULT-VALUE}).")
  private int pairs;

  @Option(names = "--prompt", defaultValue = "128", description = "Tokens a prompt (default: ${DEFAULT-VALUE}).")
  private int prompt;

  @Option(names = "--depth", defaultValue = "6", description = "Steps a completion (default: ${DEFAULT-VALUE}).")
  private int depth;

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
    ScoreBench.Plan plan = new ScoreBench.Plan(trees, pairs, prompt, depth, step, repetitions);
    BenchResult result;
    try (Model loaded = Model.load(file)) {
      result = new ScoreBench(loaded, plan).run();
    }
    var out = spec.commandLine().getOut();
    BenchReport.table(result, out);
    if (json) {
      BenchReport.json(result.toMap(), out);
    }
    return 0;
  }
}
