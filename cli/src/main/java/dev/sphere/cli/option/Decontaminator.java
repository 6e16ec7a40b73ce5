package dev.sphere.cli.option;

import dev.sphere.base.AtomicFile;
import dev.sphere.engine.Problem;
import dev.sphere.engine.data.Decontamination;
import dev.sphere.engine.embedded.ProblemSource;
import dev.sphere.engine.settings.SettingsTree;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;

/** Leaves out problems that an evaluation set holds. */
public final class Decontaminator {
  /** Which, and how alike they must be. */
  public static final SettingsTree SETTINGS = SettingsTree.of("Problems", Decontamination.Settings.class);

  private final List<String> sets;
  private final int ngram;

  public Decontaminator(Decontamination.Settings settings) {
    this.sets = settings.sets();
    this.ngram = settings.ngram();
  }

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
      AtomicFile.writeText(run.resolve("decontamination.jsonl"), lines);
    }
  }

  public int left() {
    return hits.size();
  }
}
