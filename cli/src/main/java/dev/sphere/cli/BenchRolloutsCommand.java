package dev.sphere.cli;

import dev.sphere.bindings.Model;
import dev.sphere.bindings.NativeRuntime;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.model.RolloutBench;
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

/** {@code sphere bench rollouts}. */
@Command(
    name = "rollouts",
    description = {
      "Tokens a second that the rollout engine generates, with sampling and log-probabilities, beside a bare decode loop.",
      "  sphere bench rollouts --model embedded --prompt 64 --generate 64 --parallel 32"
    },
    mixinStandardHelpOptions = true)
final class BenchRolloutsCommand implements Callable<Integer> {
  @Option(names = "--model", required = true, paramLabel = "MODEL", description = "A GGUF file, or embedded.")
  private String model;

  @Option(names = "--prompt", defaultValue = "128", description = "Tokens a prompt (default: ${DEFAULT-VALUE}).")
  private int prompt;

  @Option(names = "--generate", defaultValue = "64", description = "Tokens a sequence (default: ${DEFAULT-VALUE}).")
  private int generate;

  @Option(names = "--parallel", defaultValue = "32", description = "Sequences at once (default: ${DEFAULT-VALUE}).")
  private int parallel;

  @Option(names = "--repetitions", defaultValue = "3", description = "After one to warm up (default: ${DEFAULT-VALUE}).")
  private int repetitions;

  @Option(names = "--json", description = "One JSON object on the last line.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws InterruptedException {
    Path file = ModelSource.resolve(model);
    RolloutBench.Plan plan = new RolloutBench.Plan(prompt, generate, parallel, repetitions);
    RolloutBench.Result r;
    try (Model loaded = Model.load(file)) {
      r = new RolloutBench(loaded, plan).run();
    }
    var out = spec.commandLine().getOut();
    out.printf(Locale.ROOT, "%d sequences of %d + %d tokens: %.0f tokens/s (%.0f to %.0f); bare decode loop %.0f; ratio %.2f%n",
        parallel, prompt, generate, r.tokensPerSecond(), r.slowest(), r.fastest(), r.bareTokensPerSecond(), r.ratio());
    if (json) {
      Map<String, Object> m = new LinkedHashMap<>();
      m.put("tokens_per_second", r.tokensPerSecond());
      m.put("slowest", r.slowest());
      m.put("fastest", r.fastest());
      m.put("bare_tokens_per_second", r.bareTokensPerSecond());
      m.put("ratio", r.ratio());
      m.put("prompt", prompt);
      m.put("generate", generate);
      m.put("parallel", parallel);
      m.put("repetitions", repetitions);
      m.put("model", r.model());
      m.put("lanes", r.lanes());
      m.put("threads", r.threads());
      m.put("steps", r.steps());
      m.put("processors", Runtime.getRuntime().availableProcessors());
      m.put("llama_cpp", NativeRuntime.status().llamaVersion());
      m.put("sphere", NativeRuntime.status().sphereVersion());
      out.println(JsonMapper.shared().writeValueAsString(m));
    }
    out.flush();
    return 0;
  }
}
