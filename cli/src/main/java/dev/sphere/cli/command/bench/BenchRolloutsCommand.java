package dev.sphere.cli.command.bench;

import dev.sphere.bindings.llama.Model;
import dev.sphere.cli.option.SettingFlags;
import dev.sphere.engine.bench.BenchResult;
import dev.sphere.engine.bench.RolloutBench;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code sphere bench rollouts}. */
@Command(
    name = "rollouts",
    description = {
      "Tokens a second that the rollout engine generates, with sampling and log-probabilities, beside llama.cpp's loop",
      "without any sampling, with its sampler chains, and with sampling in the graph.",
      "  sphere bench rollouts --model embedded --prompt 64 --generate 64 --parallel 1,8,32,128"
    },
    modelTransformer = SettingFlags.Adder.class,
    mixinStandardHelpOptions = true)
public final class BenchRolloutsCommand extends BenchOfModel {
  @Option(names = "--prompt", defaultValue = "128", description = "Tokens a prompt (default: ${DEFAULT-VALUE}).")
  private int prompt;

  @Option(names = "--shared", defaultValue = "0",
      description = "Tokens at the beginning that all prompts share (default: ${DEFAULT-VALUE}).")
  private int shared;

  @Option(names = "--generate", defaultValue = "64", description = "Tokens a sequence (default: ${DEFAULT-VALUE}).")
  private int generate;

  @Option(names = "--parallel", defaultValue = "32", split = ",",
      description = "Sequences at once, one or several numbers (default: ${DEFAULT-VALUE}).")
  private List<Integer> parallel;

  @Option(names = "--repetitions", defaultValue = "3",
      description = "Timed repetitions, after one to warm up (default: ${DEFAULT-VALUE}).")
  private int repetitions;

  @Option(names = "--alone", description = "Sphere alone, without llama.cpp's loops.")
  private boolean alone;

  @Override
  public List<RolloutBench.Plan> plans() {
    return parallel.stream().map(p -> new RolloutBench.Plan(prompt, shared, generate, p, repetitions)).toList();
  }

  @Override
  List<Bench> benches(Model loaded) {
    return plans().stream().map(plan -> bench(new RolloutBench(loaded, plan))).toList();
  }

  private Bench bench(RolloutBench bench) {
    return alone ? bench::runAlone : bench::run;
  }

  @Override
  Map<String, Object> toMap(List<BenchResult> results) {
    return results.size() == 1 ? single(results.getFirst()) : all(results);
  }

  /** One result, with the names that earlier versions used on top. */
  private Map<String, Object> single(BenchResult r) {
    Map<String, Object> m = new LinkedHashMap<>(r.toMap());
    m.put("tokens_per_second", r.figures().getFirst().median());
    m.put("slowest", r.figures().getFirst().low());
    m.put("fastest", r.figures().getFirst().high());
    m.put("generation_tokens_per_second", r.figures().get(1).median());
    m.put("drawing_share", r.figure(RolloutBench.DRAWING).median());
    if (!alone) {
      m.put("bare_tokens_per_second", r.figure("llama.cpp, no sampling").median());
      m.put("ratio", r.figures().getFirst().median() / r.figure("llama.cpp, no sampling").median());
    }
    m.put("parallel", parallel.getFirst());
    return m;
  }

  private static Map<String, Object> all(List<BenchResult> results) {
    Map<String, Object> m = new LinkedHashMap<>();
    m.put("bench", "rollouts");
    m.put("results", results.stream().map(BenchResult::toMap).toList());
    return m;
  }
}
