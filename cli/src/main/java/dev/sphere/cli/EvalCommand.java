package dev.sphere.cli;

import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.data.ProblemSet;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.eval.AnswerFile;
import dev.sphere.engine.eval.Comparison;
import dev.sphere.engine.eval.EvalResult;
import dev.sphere.engine.eval.EvalSettings;
import dev.sphere.engine.eval.Evaluator;
import dev.sphere.engine.model.LlamaPolicy;
import dev.sphere.engine.run.Manner;
import dev.sphere.engine.stage.Prompts;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code sphere eval}. */
@Command(
    name = "eval",
    description = {
      "Measures a model on problems with known answers.",
      "  sphere eval --model model.gguf --problems test.jsonl",
      "  sphere eval --model model.gguf --adapter adapter.gguf --problems test.jsonl --baseline base.jsonl",
      "Greedy pass@1; with --samples also mean@k, pass@k and maj@k of one set of samples."
    },
    mixinStandardHelpOptions = true)
final class EvalCommand implements Callable<Integer> {
  @Option(
      names = "--model",
      required = true,
      paramLabel = "FILE",
      description = "Model (GGUF), or embedded, embedded-small.")
  private String model;

  @Option(names = "--adapter", paramLabel = "FILE", description = "LoRA adapter (GGUF) on top of the model.")
  private Path adapter;

  @Mixin private ProblemOptions problems;

  @Mixin private PromptOptions prompting;

  @Option(names = "--samples", paramLabel = "K", description = "Sampled answers a problem (default: 0, greedy alone).")
  private int samples;

  @Option(names = "--no-greedy", description = "Leave out the greedy answer; needs --samples.")
  private boolean noGreedy;

  @Option(names = "--temperature", defaultValue = "0.8", description = "Of the samples (default: ${DEFAULT-VALUE}).")
  private float temperature;

  @Option(names = "--top-p", defaultValue = "1", description = "Of the samples (default: ${DEFAULT-VALUE}).")
  private float topP;

  @Option(
      names = "--max-tokens",
      paramLabel = "N",
      description = "Most tokens of an answer (default: 1024; 256 for the embedded family).")
  private Integer maxTokens;

  @Option(names = "--seed", defaultValue = "0", description = "Of the samples (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Option(
      names = "--parallel",
      paramLabel = "N",
      defaultValue = "0",
      description = "Answers that step together; changes speed alone (default: 0, as many as are efficient).")
  private int parallel;

  @Option(
      names = "--out",
      paramLabel = "FILE",
      description = "Store all answers there (JSON lines), to compare with or to grade again.")
  private Path out;

  @Option(
      names = "--baseline",
      paramLabel = "FILE",
      description = "Answers of another model to the same problems (from --out): compare in pairs.")
  private Path baseline;

  @Option(names = "--json", description = "One JSON object on the last line instead of text.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws InterruptedException {
    PrintWriter err = spec.commandLine().getErr();
    Path file = ModelSource.resolve(model);
    if (adapter != null) {
      Inputs.require(adapter);
    }
    if (out != null) {
      Inputs.requireWritable(out);
    }
    EvalResult base = null;
    if (baseline != null) {
      Inputs.require(baseline);
      base = Evaluator.regrade(AnswerFile.read(baseline));
    }
    Manner manner = Manner.of(file);
    int most = maxTokens == null ? manner.solutionTokens() : maxTokens;
    EvalSettings settings = new EvalSettings(
        !noGreedy, samples, new SamplingSettings(temperature, 0, topP, 0f, most), seed, 128);
    ProblemSet set = problems.read(err);
    EvalResult result;
    Prompts prompts = prompting.over(manner.prompts());
    try (LlamaPolicy policy = LlamaPolicy.open(file, adapter, prompts.template(), parallel);
        EvalProgress progress = new EvalProgress(set.problems().size(), System.err, System.console() != null
            && System.console().isTerminal())) {
      result = new Evaluator(policy, prompts).run(set.problems(), settings, progress);
    }
    if (out != null) {
      AnswerFile.write(out, result.answers());
    }
    report(result, base == null ? null : Comparison.of(base, result, seed));
    return 0;
  }

  private void report(EvalResult r, Comparison c) {
    PrintWriter writer = spec.commandLine().getOut();
    if (json) {
      Map<String, Object> m = new LinkedHashMap<>(r.toMap());
      if (c != null) {
        m.put("comparison", c.toMap());
      }
      writer.println(JsonMapper.shared().writeValueAsString(m));
    } else {
      writer.println(line("%s %.1f %% (%d of %d; 95 %%: %.1f to %.1f)", noGreedy ? "mean@" + r.samples() : "pass@1",
          100 * r.accuracy(), r.correct(), r.n(), 100 * r.interval().low(), 100 * r.interval().high()));
      if (r.samples() > 0) {
        writer.println(line("mean@%d %.1f %%, maj@%d %.1f %%", r.samples(), 100 * r.meanAtK(), r.samples(),
            100 * r.majAtK()));
        r.passAtK().forEach((k, v) -> writer.println(line("pass@%d %.1f %%", k, 100 * v)));
      }
      if (r.truncated() > 0) {
        writer.println(r.truncated() + " answers were cut off by --max-tokens or the context");
      }
      if (c != null) {
        writer.println(line(
            "against the baseline's %.1f %%: %+.1f points (95 %%: %+.1f to %+.1f), %d won, %d lost, p = %.2g",
            100 * c.base(), 100 * c.difference(), 100 * c.interval().low(), 100 * c.interval().high(),
            c.won(), c.lost(), c.pValue()));
      }
    }
    writer.flush();
  }

  private static String line(String format, Object... args) {
    return String.format(Locale.ROOT, format, args);
  }
}
