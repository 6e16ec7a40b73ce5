package dev.sphere.cli.command.model;

import dev.sphere.bindings.kernel.GgmlQuantizer;
import dev.sphere.cli.option.Inputs;
import dev.sphere.cli.option.ModelFile;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.make.ModelMerge;
import dev.sphere.gguf.model.GgufFile;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code sphere model merge}. */
@Command(
    name = "merge",
    description = {
      "Puts a LoRA adapter into the weights of its model and writes a whole model.",
      "  sphere model merge --model base.gguf --adapter adapter.gguf --out merged.gguf"
    },
    mixinStandardHelpOptions = true)
public final class ModelMergeCommand implements Callable<Integer> {
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
      description = "Type of all matrices in the result: f32, f16, bf16, q8_0, q4_k, q6_k, ... (default: each keeps its own).")
  private String type;

  @Option(names = "--out", required = true, paramLabel = "FILE", description = "The file to write.")
  private Path out;

  @Option(names = "--json", description = "One JSON object about the merge as the last line.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    GgmlType matrices = type == null ? null : GgmlType.byLabel(type);
    Inputs.require(adapter);
    Inputs.requireWritable(out);
    ModelMerge.Report report = ModelMerge.merge(model, adapter, matrices, GgmlQuantizer::quantize, out, name -> {});
    PrintWriter console = spec.commandLine().getOut();
    report.warnings().forEach(warning -> spec.commandLine().getErr().println("sphere: warning: " + warning));
    spec.commandLine().getErr().flush();
    String hash;
    try (GgufFile merged = GgufFile.openModel(out)) {
      hash = merged.sha256();
    }
    console.println("Merged " + report.changed().size() + " weights into " + out + ".");
    if (json) {
      Map<String, Object> result = new LinkedHashMap<>();
      result.put("out", out.toString());
      result.put("sha256", hash);
      result.put("changed", report.changed());
      result.put("type", report.type() == null ? null : report.type().label());
      result.put("warnings", report.warnings());
      console.println(JsonMapper.shared().writeValueAsString(result));
    }
    console.flush();
    return 0;
  }
}
