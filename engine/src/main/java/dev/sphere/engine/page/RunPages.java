package dev.sphere.engine.page;

import dev.sphere.base.AtomicFile;
import dev.sphere.engine.Problem;
import dev.sphere.engine.probe.Probed;
import dev.sphere.engine.search.Expansion;
import dev.sphere.engine.stage.Attempt;
import dev.sphere.engine.stage.LengthBias;
import dev.sphere.engine.stage.Reason;
import dev.sphere.engine.stage.RunReport;
import dev.sphere.engine.stage.Stage;
import dev.sphere.engine.stage.StageResult;
import dev.sphere.engine.store.RunReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/** A run as HTML: an index with the run's figures, and a page for each problem. */
public final class RunPages {
  private static final int AT_ONCE = 200;

  private RunPages() {}

  /**
   * Writes the pages; what was there under their names is replaced.
   *
   * @param run a run, finished or not
   * @param problems ids of the problems that get a page, in order
   * @param directory for the pages; created if missing
   */
  public static void write(RunReader run, List<String> problems, Path directory) {
    String separator = run.provenance().identity().getOrDefault("search.separator", "\n\n");
    Map<String, Problem> byId = new HashMap<>();
    run.problems().forEach(p -> byId.put(p.id(), p));
    try {
      AtomicFile.createFolders(directory);
      RunReport report = run.report();
      boolean probing = report.probe() != null;
      HtmlPage index = new HtmlPage("Run").liveTables();
      figures(index, report);
      for (int from = 0; from < problems.size(); from += AT_ONCE) {
        List<String> part = problems.subList(from, Math.min(problems.size(), from + AT_ONCE));
        Map<String, List<Expansion>> trees = run.expansions(new HashSet<>(part));
        for (int i = 0; i < part.size(); i++) {
          Problem problem = byId.get(part.get(i));
          List<StageResult> stages = run.stagesOf(problem.id());
          String file = text("problem-%05d.html", from + i + 1);
          List<Expansion> expansions = trees.getOrDefault(problem.id(), List.of());
          AtomicFile.writeText(directory.resolve(file),
              ProblemPage.of(problem, run.probeOf(problem.id()), stages, expansions, separator));
          row(index, problem, probing, run.probeOf(problem.id()), stages, file);
        }
      }
      AtomicFile.writeText(directory.resolve("index.html"), index.add("</tbody></table></div>\n").html());
    } catch (IOException e) {
      throw new UncheckedIOException("writing pages to " + directory + ": " + e.getMessage(), e);
    }
  }

  private static void row(
      HtmlPage index, Problem problem, boolean probing, Probed probed, List<StageResult> stages, String file) {
    int pairs = stages.stream().mapToInt(s -> s.pairs().size()).sum();
    index.add("<tr><td><a href=\"%s\">%s</a></td><td>%s</td>", file, problem.id(), pairs);
    List<Attempt> solutions = stages.stream().flatMap(s -> s.attempts().stream()).toList();
    share(index, solutions.stream().filter(Attempt::correct).count(), solutions.size(), "");
    if (probing) {
      share(index, probed == null ? 0 : probed.solved(), probed == null ? 0 : probed.draws().size(), " draws right");
    }
    String why = pairs > 0 ? "" : stages.stream().map(StageResult::reason)
        .filter(r -> r != Reason.NOT_APPLICABLE && r != Reason.DISABLED).map(Reason::text)
        .reduce((first, second) -> second).orElse("not ended");
    String question = problem.question().strip();
    index.add("<td>%s</td><td class=\"wide\">%s</td></tr>\n",
        why, question.length() > 100 ? question.substring(0, 100) + "…" : question);
  }

  /** A cell with a share, by which its column sorts; empty for a share of nothing. */
  private static void share(HtmlPage index, long part, int all, String unit) {
    index.add("<td data-value=\"%s\">%s</td>", all == 0 ? "" : text("%.4f", (double) part / all),
        all == 0 ? "" : part + " of " + all + unit);
  }

  private static void figures(HtmlPage index, RunReport r) {
    index.add("""
        <h1>Run</h1>
        <p>%s problems ended, %s with pairs; Sol_max right on %s, Sol_min on %s.</p>
        """, r.problems(), r.withPairs(), r.solMaxRight(), r.solMinRight());
    if (r.probe() != null) {
      Stream.concat(r.probe().lines().stream(), r.probe().notes().stream()).forEach(l -> index.add("<p>%s</p>\n", l));
    }
    index.add("""
        <div class="scroll" tabindex="0" role="region" aria-label="stages"><table>\
        <thead><tr><th>stage</th><th>pairs</th><th>why none</th></tr></thead>
        <tbody>""");
    for (Stage stage : Stage.values()) {
      index.add("<tr><td>%s</td><td>%s", stage.label(), r.bySource().get(stage.label()));
      if (stage == Stage.GENERATION && r.probe() != null) {
        index.add(", and %s of the probe's draws", r.probePairs());
      }
      index.add("</td><td class=\"wide\">");
      String between = "";
      for (var reason : r.stageReasons().get(stage).entrySet()) {
        index.add(between + "%s: %s", reason.getValue(), reason.getKey().text());
        between = "<br>";
      }
      index.add("</td></tr>\n");
    }
    index.add("</tbody></table></div>\n");
    LengthBias l = r.lengths();
    if (l.pairs() > 0) {
      index.add("""
          <p>Length in characters: chosen %s, rejected %s; chosen is longer in %s %% of the pairs;
          length and being chosen correlate %s, the two lengths %s. %s pairs are nearly another one.</p>
          """, text("%.0f", l.chosen()), text("%.0f", l.rejected()), text("%.0f", 100 * l.chosenLonger()),
          text("%+.2f", l.bias()), text("%+.2f", l.correlation()), r.nearDuplicates());
    }
    index.add("""
        <h2>Problems</h2>
        <div class="scroll" tabindex="0" role="region" aria-label="problems"><table class="live" data-filter>
        <thead><tr><th>problem</th><th data-choices="pairs">pairs</th><th>right</th>""");
    index.add(r.probe() == null ? "" : "<th>probe</th>");
    index.add("<th data-choices=\"why\">why none</th><th>question</th></tr></thead><tbody>\n");
  }

  private static String text(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
