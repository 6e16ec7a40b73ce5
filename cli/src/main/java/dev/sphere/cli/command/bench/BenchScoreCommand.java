package dev.sphere.cli.command.bench;

import dev.sphere.bindings.llama.Model;
import dev.sphere.cli.option.SettingFlags;
import dev.sphere.engine.bench.ScoreBench;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code sphere bench score}. */
@Command(
    name = "score",
    description = {
      "Time to score the pairs of search trees, beside separate sequences through llama.cpp.",
      "A tree's pairs set a leaf of its better chain against one of its worse chain; --pairs 1 shares the prompt only.",
      "  sphere bench score --model embedded --trees 32 --pairs 4 --prompt 128 --depth 6 --step 32"
    },
    modelTransformer = SettingFlags.Adder.class,
    mixinStandardHelpOptions = true)
public final class BenchScoreCommand extends BenchOfModel {
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

  @Option(names = "--repetitions", defaultValue = "3",
      description = "Timed repetitions, after one to warm up (default: ${DEFAULT-VALUE}).")
  private int repetitions;

  @Override
  public List<ScoreBench.Plan> plans() {
    return List.of(new ScoreBench.Plan(trees, pairs, prompt, depth, step, repetitions));
  }

  @Override
  List<Bench> benches(Model loaded) {
    return List.of(new ScoreBench(loaded, plans().getFirst())::run);
  }
}
