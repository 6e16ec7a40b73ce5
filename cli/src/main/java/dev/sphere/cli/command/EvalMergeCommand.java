package dev.sphere.cli.command;

import dev.sphere.cli.option.Ending;
import dev.sphere.engine.eval.AnswerShards;
import dev.sphere.engine.eval.EvalReport;
import dev.sphere.engine.eval.EvalResult;
import dev.sphere.engine.eval.Evaluator;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code sphere eval merge}. */
@Command(
    name = "merge",
    description = {
      "Makes one file of an evaluation's shards: the one that a single process would have made.",
      "  ./sphere eval --model model.gguf --problems test.jsonl \\",
      "      --shard auto --out answers.jsonl    # in each task",
      "  ./sphere eval merge answers.jsonl",
      "Shards that are missing, damaged or made from something else are named. The shards stay."
    },
    mixinStandardHelpOptions = true)
public final class EvalMergeCommand implements Callable<Integer> {
  @Parameters(paramLabel = "FILE", description = "The --out of the shards.")
  private Path file;

  @Option(names = "--json", description = "One JSON object on the last line instead of text.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    AnswerShards.Merged merged = AnswerShards.merge(file);
    EvalResult result = Evaluator.regrade(merged.answers());
    PrintWriter writer = spec.commandLine().getOut();
    if (json) {
      writer.println(JsonMapper.shared().writeValueAsString(result.toMap()));
    } else {
      writer.print(new EvalReport("Evaluation", merged.made(), result, null).text());
    }
    Ending.print(spec, "eval --regrade " + Ending.word(file) + " --html report.html", file);
    return 0;
  }
}
