package dev.sphere.cli;

import dev.sphere.engine.grade.GradeFile;
import java.io.IOException;
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

/** {@code sphere grade --in F --out G}. */
@Command(
    name = "grade",
    description = {
      "Says of each predicted answer whether it equals the gold answer, and which rule decided.",
      "  sphere grade --in answers.jsonl --out verdicts.jsonl",
      "Rows {\"gold\": ..., \"pred\": ...} become rows {\"equal\": ..., \"how\": ...} in the same order; gold and",
      "pred are answers or whole solutions."
    },
    mixinStandardHelpOptions = true)
final class GradeCommand implements Callable<Integer> {
  @Option(names = "--in", required = true, paramLabel = "FILE", description = "Rows to grade (JSON lines).")
  private Path in;

  @Option(names = "--out", required = true, paramLabel = "FILE", description = "Where the verdicts go (JSON lines).")
  private Path out;

  @Option(names = "--json", description = "One JSON object on the last line instead of text.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    Inputs.require(in);
    Inputs.requireWritable(out);
    GradeFile.Counts c = GradeFile.grade(in, out);
    PrintWriter writer = spec.commandLine().getOut();
    if (json) {
      Map<String, Object> m = new LinkedHashMap<>();
      m.put("n", c.n());
      m.put("equal", c.equal());
      m.put("out", out.toString());
      writer.println(JsonMapper.shared().writeValueAsString(m));
    } else {
      writer.println(c.equal() + " of " + c.n() + " answers equal; verdicts in " + out);
    }
    writer.flush();
    return 0;
  }
}
