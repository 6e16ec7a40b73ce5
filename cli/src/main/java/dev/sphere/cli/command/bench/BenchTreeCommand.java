package dev.sphere.cli.command.bench;

import dev.sphere.bindings.llama.Model;
import dev.sphere.cli.option.SettingFlags;
import dev.sphere.engine.bench.TreeBench;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code sphere bench tree}. */
@Command(
    name = "tree",
    description = {
      "Time of search trees, beside the same paths as sequences that share the prompt only, or nothing.",
      "  sphere bench tree --model embedded --trees 8 --prompt 128 --depth 6 --candidates 5 --step 32"
    },
    modelTransformer = SettingFlags.Adder.class,
    mixinStandardHelpOptions = true)
public final class BenchTreeCommand extends BenchOfModel {
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

  @Option(names = "--repetitions", defaultValue = "3",
      description = "Timed repetitions, after one to warm up (default: ${DEFAULT-VALUE}).")
  private int repetitions;

  @Override
  public List<TreeBench.Plan> plans() {
    return List.of(new TreeBench.Plan(trees, prompt, depth, candidates, step, repetitions));
  }

  @Override
  List<Bench> benches(Model loaded) {
    return List.of(new TreeBench(loaded, plans().getFirst())::run);
  }
}
