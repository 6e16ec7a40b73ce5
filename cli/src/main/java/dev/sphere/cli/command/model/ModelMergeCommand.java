package dev.sphere.cli.command.model;

import dev.sphere.bindings.kernel.GgmlQuantizer;
import dev.sphere.cli.option.Ending;
import dev.sphere.cli.option.Inputs;
import dev.sphere.cli.option.ModelFile;
import dev.sphere.engine.decode.LogProbShift;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.make.MergeType;
import dev.sphere.gguf.make.ModelMerge;
import dev.sphere.gguf.make.Rounding;
import dev.sphere.gguf.model.AdapterCheck;
import dev.sphere.gguf.model.GgufFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code sphere model merge}. */
@Command(
    name = "merge",
    description = {
      "Puts a LoRA adapter into the weights of its model and writes a whole model. Says what rounding did to the update and to",
      "log-probabilities.",
      "  ./sphere model merge --model base.gguf --adapter adapter.gguf \\",
      "      --out merged.gguf"
    },
    mixinStandardHelpOptions = true)
public final class ModelMergeCommand implements Callable<Integer> {
  private static final int MOST_TOKENS = 4096;

  /** Text of several kinds: what a model says after it should not depend on how its weights were rounded. */
  private static final List<String> TEXTS = List.of(
      """
      Rivers carry sand and stones from the mountains to the sea. Where the water slows down, the heaviest stones come to rest \
      first, then the gravel, and at last the finest mud, which can drift for weeks before it settles.
      """,
      """
      Question: A baker has 24 rolls. She sells 9 in the morning and bakes 15 more at noon. How many rolls does she have then?
      Answer: She has 24 - 9 = 15 rolls after the morning. After noon she has 15 + 15 = 30 rolls. The answer is 30.
      """,
      """
      def mean(values):
          if not values:
              raise ValueError("no values")
          return sum(values) / len(values)
      """,
      """
      Dear Ms. Lopez, thank you for your letter of 3 May. We have checked the invoice, and you are right: the delivery was \
      charged twice. The difference of $14.50 will be paid back within ten days.
      """);

  @Option(
      names = "--model",
      required = true,
      paramLabel = "FILE",
      converter = ModelFile.class,
      description = "The model that was trained on: a GGUF file or the name of an embedded model.")
  private Path model;

  @Option(names = "--adapter", required = true, paramLabel = "FILE", description = "The LoRA adapter (GGUF).")
  private Path adapter;

  @Option(
      names = "--type",
      paramLabel = "TYPE",
      defaultValue = "auto",
      description = {
        "auto: each changed matrix gets the first of its own type, f16 and f32 whose rounding keeps the update, and the rest",
        "stays as it is; base: each keeps its own type; f32, f16, bf16, q8_0, q4_k, q6_k, ...: all matrices (default: auto)."
      })
  private String type;

  @Option(names = "--out", required = true, paramLabel = "FILE", description = "The file to write.")
  private Path out;

  @Option(
      names = "--check-text",
      paramLabel = "FILE",
      description = "Text of which log-probabilities are compared, at most its first 4096 tokens (default: a few sentences that Sphere has).")
  private Path checkText;

  @Option(names = "--no-check", description = "Compares no log-probabilities: the merged model is not opened.")
  private boolean noCheck;

  @Option(names = "--json", description = "One JSON object about the merge as the last line, with a figure for each weight.")
  private boolean json;

  @Spec private CommandSpec spec;

  /** How far the adapter moves log-probabilities, and how far the merged model is from base and adapter. */
  private record Check(LogProbShift byAdapter, LogProbShift byRounding) {}

  @Override
  public Integer call() throws IOException, InterruptedException {
    MergeType matrices = MergeType.byLabel(type);
    if (noCheck && checkText != null) {
      throw new ParameterException(spec.commandLine(), "--check-text has no effect with --no-check");
    }
    Inputs.require(adapter);
    if (checkText != null) {
      Inputs.require(checkText);
    }
    Inputs.requireWritable(out);
    List<String> texts = checkText == null ? TEXTS : List.of(Files.readString(checkText));
    ModelMerge.Report report = ModelMerge.merge(model, adapter, matrices, GgmlQuantizer::quantize, out, name -> {});
    PrintWriter console = spec.commandLine().getOut();
    report.warnings().forEach(warning -> spec.commandLine().getErr().println("sphere: warning: " + warning));
    spec.commandLine().getErr().flush();
    String hash;
    try (GgufFile merged = GgufFile.openModel(out)) {
      hash = merged.sha256();
    }
    console.println("Merged " + report.changed().size() + " weights.");
    console.println(report.summary());
    if (report.overall().error() > 0) {
      Rounding.worst(report.changed(), 3).forEach(r -> console.printf(
          Locale.ROOT, "  %s, %s: off by %.1f %%, %.1f %% kept%n", r.name(), r.type().label(), 100 * r.error(), 100 * r.kept()));
    }
    long before = Files.size(model);
    long after = Files.size(out);
    if (after > before + before / 10) {
      console.printf(Locale.ROOT, "%s is %.1f times as large as its base (%,d to %,d MB)%s%n", out, (double) after / before,
          before / 1_000_000, after / 1_000_000, matrices.all() != null ? "." : ": the base's types cannot hold the update. For a "
              + "small file give --type base, which rounds it (the line above says by how much), or use the adapter beside the base.");
    }
    Check check = noCheck ? null : check(texts);
    if (check != null) {
      console.printf(Locale.ROOT, "Log-probabilities of %d tokens: the adapter moves them by %.5f on average and %.4f at most, rounding "
          + "by %.5f and %.4f.%n", check.byAdapter().tokens(), check.byAdapter().mean(), check.byAdapter().most(),
          check.byRounding().mean(), check.byRounding().most());
    }
    if (json) {
      console.println(JsonMapper.shared().writeValueAsString(result(report, hash, check, matrices.all())));
    }
    Ending.print(spec, "model info " + Ending.word(out), out);
    return 0;
  }

  private Map<String, Object> result(ModelMerge.Report report, String hash, Check check, GgmlType all) {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("out", out.toString());
    result.put("sha256", hash);
    result.put("bytes", out.toFile().length());
    result.put("base_bytes", model.toFile().length());
    result.put("changed", report.changed().stream().map(Rounding::name).toList());
    result.put("type", all == null ? null : all.label());
    result.put("warnings", report.warnings());
    result.put("rounding", report.overall().toMap());
    result.put("base_types", report.asBase().isEmpty() ? null : Rounding.sum(report.asBase()).toMap());
    result.put("weights", report.changed().stream().map(Rounding::toMap).toList());
    if (check != null) {
      result.put("log_probs", Map.of("tokens", check.byAdapter().tokens(), "adapter_mean", check.byAdapter().mean(),
          "adapter_max", check.byAdapter().most(), "rounding_mean", check.byRounding().mean(), "rounding_max",
          check.byRounding().most()));
    }
    return result;
  }

  private Check check(List<String> texts) throws IOException, InterruptedException {
    List<float[]> before = LogProbShift.read(model, null, texts, MOST_TOKENS);
    List<float[]> exact = exact(texts);
    List<float[]> merged = LogProbShift.read(out, null, texts, MOST_TOKENS);
    return new Check(LogProbShift.between(before, exact), LogProbShift.between(exact, merged));
  }

  /** What base and adapter say together: llama.cpp applies the adapter beside the weights, which rounds nothing. */
  private List<float[]> exact(List<String> texts) throws IOException, InterruptedException {
    boolean magnitudes;
    try (GgufFile lora = GgufFile.open(adapter)) {
      magnitudes = AdapterCheck.hasMagnitudes(lora);
    }
    if (!magnitudes) {
      return LogProbShift.read(model, adapter, texts, MOST_TOKENS);
    }
    Path wide = out.resolveSibling(out.getFileName() + ".f32.tmp"); // llama.cpp can't apply DoRA
    try {
      ModelMerge.merge(model, adapter, MergeType.of(GgmlType.F32), GgmlQuantizer::quantize, wide, name -> {});
      return LogProbShift.read(wide, null, texts, MOST_TOKENS);
    } finally {
      Files.deleteIfExists(wide);
    }
  }
}
