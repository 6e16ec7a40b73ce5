package dev.sphere.cli.command;

import dev.sphere.base.AtomicFile;
import dev.sphere.cli.option.Ending;
import dev.sphere.cli.option.Inputs;
import dev.sphere.engine.data.GradeFile;
import dev.sphere.engine.data.ProblemSet;
import dev.sphere.engine.data.ReadOptions;
import dev.sphere.engine.embedded.ProblemSource;
import dev.sphere.grade.GoldCheck;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.ArgGroup;
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
      "  ./sphere grade --in answers.jsonl --out verdicts.jsonl",
      "Rows {\"gold\": ..., \"pred\": ...} become rows {\"equal\": ..., \"how\": ...} in the same order; gold and",
      "pred are answers or whole solutions.",
      "  ./sphere grade --golds math500.jsonl --golds aime24.jsonl \\",
      "      --out pairs.jsonl",
      "checks the grader: each gold answer must equal itself rewritten; pairs of golds that it finds equal are listed."
    },
    mixinStandardHelpOptions = true)
public final class GradeCommand implements Callable<Integer> {
  static final class Source {
    @Option(names = "--in", paramLabel = "FILE", description = "Rows to grade (JSON lines).")
    Path in;

    @Option(names = "--golds", paramLabel = "FILE", description = "A problem file whose gold answers are checked; repeatable.")
    List<String> golds;
  }

  @ArgGroup(multiplicity = "1")
  private Source source;

  @Option(names = "--out", required = true, paramLabel = "FILE", description = "Where the verdicts go (JSON lines).")
  private Path out;

  @Option(names = "--json", description = "One JSON object on the last line instead of text.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    Inputs.requireWritable(out);
    if (source.golds != null) {
      return golds();
    }
    Inputs.require(source.in);
    GradeFile.Counts c = GradeFile.grade(source.in, out);
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
    Ending.print(spec, "", out);
    return 0;
  }

  private int golds() throws IOException {
    List<String> golds = new ArrayList<>();
    ReadOptions options = ReadOptions.defaults().skippingBad();
    for (String file : source.golds) {
      ProblemSet set = ProblemSource.read(file, options);
      set.problems().forEach(p -> golds.add(p.answer()));
      set.skipped().forEach(b -> spec.commandLine().getErr().println("skipped row " + b.line() + " of " + file + ": " + b.reason()));
    }
    PrintWriter err = spec.commandLine().getErr();
    GoldCheck.Result r = new GoldCheck().check(golds, share -> {
      err.printf(Locale.ROOT, "grading pairs: %.0f %%%n", 100 * share);
      err.flush();
    });
    JsonMapper mapper = JsonMapper.shared();
    List<String> lines = new ArrayList<>();
    r.lost().forEach(l -> lines.add(mapper.writeValueAsString(l)));
    r.equal().forEach(p -> lines.add(mapper.writeValueAsString(p)));
    AtomicFile.writeText(out, lines.stream().map(l -> l + "\n").collect(Collectors.joining()));
    PrintWriter writer = spec.commandLine().getOut();
    if (json) {
      writer.println(mapper.writeValueAsString(r.toMap()));
    } else {
      r.toMap().forEach((k, v) -> writer.println(k.replace('_', ' ') + ": " + v));
    }
    Ending.print(spec, "", out);
    return 0;
  }
}
