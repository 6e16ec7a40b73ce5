package dev.sphere.cli.command;

import dev.sphere.cli.option.Ending;
import dev.sphere.cli.option.Inputs;
import dev.sphere.engine.store.PairExport;
import dev.sphere.engine.store.RunReader;
import dev.sphere.trainer.data.RunTrees;
import dev.sphere.trainer.data.StepwiseExport;
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
      "  ./sphere export --run runs/first --format trl-jsonl --out pairs.jsonl",
      "Columns: prompt, chosen, rejected, problem_id, stage; stepwise: prompt, completions, labels, problem_id.",
      "Completions carry no end token: TRL adds it."
    },
    mixinStandardHelpOptions = true)
public final class ExportCommand implements Callable<Integer> {
  @Option(names = "--run", required = true, paramLabel = "DIR", description = "The run's directory.")
  private Path run;

  @Option(
      names = "--format",
      required = true,
      paramLabel = "FORMAT",
      description = "trl-jsonl or trl-parquet.")
  private String format;

  @Option(
      names = "--kind",
      defaultValue = "preference",
      paramLabel = "KIND",
      description = "preference (the pairs) or stepwise (solutions with a label for each step); default: ${DEFAULT-VALUE}.")
  private String kind;

  @Option(names = "--conversational", description = "Pairs as lists of messages (default: texts, the template rendered).")
  private boolean conversational;

  @Option(names = "--implicit-prompt", description = "Pairs without a prompt column: chosen and rejected begin with it.")
  private boolean implicitPrompt;

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
    RunReader data = RunReader.read(run);
    int rows = switch (kind) {
      case "preference" -> {
        PairExport.write(data, new PairExport.Shape(conversational, implicitPrompt), wanted, out);
        yield data.pairs().size();
      }
      case "stepwise" -> stepwise(new RunTrees(data), wanted);
      default -> throw new ParameterException(
          spec.commandLine(), "unknown kind " + kind + "; there are preference and stepwise");
    };
    if (!data.complete()) {
      spec.commandLine().getErr().println("sphere: the run has not ended; these are its pairs so far");
    }
    PrintWriter writer = spec.commandLine().getOut();
    if (json) {
      Map<String, Object> result = new LinkedHashMap<>();
      result.put(kind.equals("stepwise") ? "rows" : "pairs", rows);
      result.put("complete", data.complete());
      result.put("out", out.toString());
      writer.println(JsonMapper.shared().writeValueAsString(result));
    } else {
      writer.println(rows + (kind.equals("stepwise") ? " solutions" : " pairs") + " written to " + out);
    }
    Ending.print(spec, "", out);
    return 0;
  }

  private int stepwise(RunTrees trees, PairExport.Format wanted) {
    int rows = StepwiseExport.write(trees, wanted, out);
    int left = trees.solutions().size() - rows;
    if (left > 0) {
      spec.commandLine().getErr().println("sphere: " + left + " solutions are left out: the rollouts of a step were stopped early, "
          + "before one came out right");
    }
    return rows;
  }
}
