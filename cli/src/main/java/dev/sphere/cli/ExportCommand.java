package dev.sphere.cli;

import dev.sphere.engine.store.PairExport;
import dev.sphere.engine.store.RunData;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code sphere export}: a run's pairs for other trainers. */
@Command(
    name = "export",
    description = {
      "Writes a run's pairs for other trainers.",
      "  sphere export --run runs/first --format trl-jsonl --out pairs.jsonl",
      "Columns: prompt, chosen, rejected, problem_id, stage. Completions carry no end token: TRL adds it."
    },
    mixinStandardHelpOptions = true)
final class ExportCommand implements Callable<Integer> {
  @Option(names = "--run", required = true, paramLabel = "DIR", description = "The run's directory.")
  private Path run;

  @Option(
      names = "--format",
      required = true,
      paramLabel = "FORMAT",
      description = "trl-jsonl or trl-parquet.")
  private String format;

  @Option(names = "--out", required = true, paramLabel = "FILE", description = "The file to write.")
  private Path out;

  @Option(names = "--json", description = "One JSON object on the last line.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    PairExport.Format wanted =
        switch (format) {
          case "trl-jsonl" -> PairExport.Format.TRL_JSONL;
          case "trl-parquet" -> PairExport.Format.TRL_PARQUET;
          default -> throw new ParameterException(
              spec.commandLine(), "unknown format " + format + "; there are " + List.of("trl-jsonl", "trl-parquet"));
        };
    Inputs.requireWritable(out);
    RunData data = RunData.read(run);
    var pairs = data.pairs();
    PairExport.write(pairs, wanted, out);
    if (!data.complete()) {
      spec.commandLine().getErr().println("sphere: the run has not ended; these are its pairs so far");
    }
    PrintWriter writer = spec.commandLine().getOut();
    if (json) {
      Map<String, Object> result = new LinkedHashMap<>();
      result.put("pairs", pairs.size());
      result.put("complete", data.complete());
      result.put("out", out.toString());
      writer.println(JsonMapper.shared().writeValueAsString(result));
    } else {
      writer.println(pairs.size() + " pairs written to " + out);
    }
    writer.flush();
    return 0;
  }
}
