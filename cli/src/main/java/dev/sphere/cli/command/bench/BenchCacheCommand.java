package dev.sphere.cli.command.bench;

import dev.sphere.bindings.llama.Model;
import dev.sphere.cli.option.SettingFlags;
import dev.sphere.engine.bench.CacheBench;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code sphere bench cache}. */
@Command(
    name = "cache",
    hidden = true, // a question of the laboratory: it was answered, the engine shares cells
    description = {
      "Time of search trees in a KV cache whose cells sequences share, as the engine uses it, beside one stream a",
      "sequence, where a fork copies a stream.",
      "  sphere bench cache --model embedded --trees 8 --candidates 5 --prompt 128 --depth 4 --step 20 --threads 1"
    },
    modelTransformer = SettingFlags.Adder.class,
    mixinStandardHelpOptions = true)
public final class BenchCacheCommand extends BenchOfModel {
  @Option(names = "--trees", defaultValue = "8", description = "Trees in flight (default: ${DEFAULT-VALUE}).")
  private int trees;

  @Option(names = "--candidates", defaultValue = "5",
      description = "Sequences of each tree, E (default: ${DEFAULT-VALUE}).")
  private int candidates;

  @Option(names = "--prompt", defaultValue = "128", description = "Tokens a prompt (default: ${DEFAULT-VALUE}).")
  private int prompt;

  @Option(names = "--depth", defaultValue = "4", description = "Steps a path (default: ${DEFAULT-VALUE}).")
  private int depth;

  @Option(names = "--step", defaultValue = "20", description = "Tokens a step (default: ${DEFAULT-VALUE}).")
  private int step;

  @Option(names = "--threads", description = "Threads that compute (default: all cores).")
  private int threads = Runtime.getRuntime().availableProcessors();

  @Option(names = "--repetitions", defaultValue = "3",
      description = "Timed repetitions, after one to warm up (default: ${DEFAULT-VALUE}).")
  private int repetitions;

  @Override
  public List<CacheBench.Plan> plans() {
    return List.of(new CacheBench.Plan(trees, candidates, prompt, depth, step, threads, repetitions));
  }

  @Override
  List<Bench> benches(Model loaded) {
    return List.of(new CacheBench(loaded, plans().getFirst())::run);
  }
}
