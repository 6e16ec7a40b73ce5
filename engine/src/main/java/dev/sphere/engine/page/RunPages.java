package dev.sphere.engine.page;

import static dev.sphere.engine.page.Html.text;

import dev.sphere.base.Visible;
import dev.sphere.engine.Problem;
import dev.sphere.engine.search.Expansion;
import dev.sphere.engine.stage.LengthBias;
import dev.sphere.engine.stage.Reason;
import dev.sphere.engine.stage.RunReport;
import dev.sphere.engine.stage.Stage;
import dev.sphere.engine.stage.StageResult;
import dev.sphere.engine.store.RunData;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;

/** A run as HTML: an index with the run's figures, and a page for each problem. */
public final class RunPages {
  private static final int AT_ONCE = 200;

  private RunPages() {}

  /**
   * Writes the pages; what was there under their names is replaced.
   *
   * @param run a run, finished or not
   * @param problems ids of the problems that get a page, in order
   * @param directory where they go; made if missing
   */
  public static void write(RunData run, List<String> problems, Path directory) {
    String separator = run.provenance().identity().getOrDefault("search.separator", "\n\n");
    Map<String, Problem> byId = new java.util.HashMap<>();
    run.problems().forEach(p -> byId.put(p.id(), p));
    try {
      Files.createDirectories(directory);
      StringBuilder rows = new StringBuilder();
      for (int from = 0; from < problems.size(); from += AT_ONCE) {
        List<String> part = problems.subList(from, Math.min(problems.size(), from + AT_ONCE));
        Map<String, List<Expansion>> trees = run.expansions(new HashSet<>(part));
        for (int i = 0; i < part.size(); i++) {
          Problem problem = byId.get(part.get(i));
          List<StageResult> stages = run.stagesOf(problem.id());
          String file = text("problem-%05d.html", from + i + 1);
          Files.writeString(directory.resolve(file),
              ProblemPage.of(problem, stages, trees.getOrDefault(problem.id(), List.of()), separator));
          rows.append(row(problem, stages, file));
        }
      }
      Files.writeString(directory.resolve("index.html"), index(run, rows));
    } catch (IOException e) {
      throw new UncheckedIOException("writing pages to " + directory + ": " + e.getMessage(), e);
    }
  }

  private static String row(Problem problem, List<StageResult> stages, String file) {
    String question = problem.question().strip();
    int pairs = stages.stream().mapToInt(s -> s.pairs().size()).sum();
    String why = pairs > 0 ? "" : stages.stream().map(StageResult::reason)
        .filter(r -> r != Reason.NOT_APPLICABLE && r != Reason.DISABLED).map(Reason::text)
        .reduce((first, second) -> second).orElse("not ended");
    return text("<tr><td><a href=\"%s\">%s</a></td><td>%d</td><td>%s</td><td>%s</td></tr>%n", file,
        Visible.html(problem.id()),
        pairs, Visible.html(why), Visible.html(question.length() > 100 ? question.substring(0, 100) + "…" : question));
  }

  private static String index(RunData run, StringBuilder rows) {
    RunReport r = run.report();
    LengthBias l = r.lengths();
    StringBuilder out = new StringBuilder();
    out.append(text("<h1>Run</h1>%n<p>%d problems ended, %d with pairs; Sol_max right on %d, Sol_min on %d.</p>%n",
        r.problems(), r.withPairs(), r.solMaxRight(), r.solMinRight()));
    out.append("<table><tr><th>stage</th><th>pairs</th><th>why none</th></tr>\n");
    for (Stage stage : Stage.values()) {
      StringBuilder why = new StringBuilder();
      r.stageReasons().get(stage).forEach((reason, n) ->
          why.append(why.isEmpty() ? "" : "<br>").append(n).append(": ").append(Visible.html(reason.text())));
      out.append(text("<tr><td>%s</td><td>%d</td><td>%s</td></tr>%n", stage.label(), r.pairs().get(stage), why));
    }
    out.append(text("</table>%n<p>Length in characters: chosen %.0f, rejected %.0f; chosen is longer in %.0f %% of the pairs; "
        + "length and being chosen correlate %+.2f, the two lengths %+.2f. %d pairs are nearly another one.</p>%n",
            l.chosen(),
        l.rejected(), 100 * l.chosenLonger(), l.bias(), l.correlation(), r.nearDuplicates()));
    out.append("<h2>Problems</h2>\n<table><tr><th>problem</th><th>pairs</th><th>why none</th><th>question</th></tr>\n")
        .append(rows).append("</table>\n");
    return Html.page("Run", out.toString());
  }
}
