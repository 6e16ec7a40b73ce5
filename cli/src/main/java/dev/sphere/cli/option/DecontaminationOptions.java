package dev.sphere.cli.option;

import dev.sphere.engine.Problem;
import dev.sphere.engine.data.Decontamination;
import dev.sphere.engine.embedded.ProblemSource;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Option;
import tools.jackson.databind.json.JsonMapper;

/** Leaving out problems that an evaluation set holds. */
public final class DecontaminationOptions {
  @Option(names = "--decontaminate", split = ",", paramLabel = "FILE",
      description = "Leave out problems that share an n-gram of words with one of these evaluation sets, and list them in "
          + "RUN/decontamination.jsonl.")
  private List<String> sets = List.of();

  @Option(names = "--ngram", paramLabel = "N", description = "Words of an n-gram (default: 13).")
  private int ngram = Decontamination.WORDS;

  private List<Decontamination.Hit> hits = List.of();

  /** The problems that are left; says how many are not. */
  public List<Problem> clean(List<Problem> problems, PrintWriter err) {
    if (sets.isEmpty()) {
      return problems;
    }
    Map<String, List<Problem>> read = new LinkedHashMap<>();
    sets.forEach(set -> read.put(set, ProblemSource.read(set)));
    Decontamination.Result result = Decontamination.check(problems, read, ngram);
    hits = result.hits();
    err.println("decontamination: " + hits.size() + " of " + problems.size() + " problems share " + ngram
        + " words with an evaluation set and are left out");
    err.flush();
    if (result.clean().isEmpty()) {
      throw new IllegalArgumentException("no problem is left: every one shares " + ngram
          + " words with an evaluation set, "
          + "such as \"" + hits.getFirst().words() + "\"; use other problems or a larger --ngram");
    }
    return result.clean();
  }

  /** Lists the hits; call it when the run's directory is there. */
  public void list(Path run) throws IOException {
    if (!sets.isEmpty()) {
      StringBuilder lines = new StringBuilder();
      hits.forEach(h -> lines.append(JsonMapper.shared().writeValueAsString(h.toMap())).append('\n'));
      Files.writeString(run.resolve("decontamination.jsonl"), lines);
    }
  }

  public int left() {
    return hits.size();
  }
}
