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
import dev.sphere.engine.store.RunData;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
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
   * @param directory where they go; made if missing
   */
  public static void write(RunData run, List<String> problems, Path directory) {
    String separator = run.provenance().identity().getOrDefault("search.separator", "\n\n");
    Map<String, Problem> byId = new HashMap<>();
    run.problems().forEach(p -> byId.put(p.id(), p));
    try {
      AtomicFile.createFolders(directory);
      RunReport report = run.report();
      boolean probing = report.probe() != null;
      HtmlPage index = new HtmlPage("Run").liveTables().add("run", figures(report));
      for (int from = 0; from < problems.size(); from += AT_ONCE) {
        List<String> part = problems.subList(from, Math.min(problems.size(), from + AT_ONCE));
        Map<String, List<Expansion>> trees = run.expansions(new HashSet<>(part));
        for (int i = 0; i < part.size(); i++) {
          Problem problem = byId.get(part.get(i));
          List<StageResult> stages = run.stagesOf(problem.id());
          String file = text("problem-%05d.html", from + i + 1);
          AtomicFile.writeText(directory.resolve(file),
              ProblemPage.of(problem, run.probeOf(problem.id()), stages, trees.getOrDefault(problem.id(), List.of()), separator));
          index.add("run-row", row(problem, probing, run.probeOf(problem.id()), stages, file));
        }
      }
      AtomicFile.writeText(directory.resolve("index.html"), index.add("end-of-table", Map.of()).html());
    } catch (IOException e) {
      throw new UncheckedIOException("writing pages to " + directory + ": " + e.getMessage(), e);
    }
  }

  private static Map<String, Object> row(Problem problem, boolean probing, Probed probed, List<StageResult> stages, String file) {
    String question = problem.question().strip();
    int pairs = stages.stream().mapToInt(s -> s.pairs().size()).sum();
    String why = pairs > 0 ? "" : stages.stream().map(StageResult::reason)
        .filter(r -> r != Reason.NOT_APPLICABLE && r != Reason.DISABLED).map(Reason::text)
        .reduce((first, second) -> second).orElse("not ended");
    List<Attempt> solutions = stages.stream().flatMap(s -> s.attempts().stream()).toList();
    long right = solutions.stream().filter(Attempt::correct).count();
    Map<String, Object> row = new HashMap<>();
    row.put("file", file);
    row.put("id", problem.id());
    row.put("pairs", pairs);
    row.put("right", solutions.isEmpty() ? "" : text("%d of %d", right, solutions.size()));
    row.put("share", solutions.isEmpty() ? "" : text("%.4f", (double) right / solutions.size()));
    row.put("probed", probing);
    row.put("probe", probed == null ? "" : text("%d of %d draws right", probed.solved(), probed.draws().size()));
    row.put("probe_share", probed == null ? "" : text("%.4f", (double) probed.solved() / probed.draws().size()));
    row.put("why", why);
    row.put("question", question.length() > 100 ? question.substring(0, 100) + "…" : question);
    return row;
  }

  private static Map<String, Object> figures(RunReport r) {
    LengthBias l = r.lengths();
    List<Map<String, Object>> stages = new ArrayList<>();
    for (Stage stage : Stage.values()) {
      stages.add(Map.of("stage", stage.label(), "pairs", r.pairs().get(stage), "reasons",
          r.stageReasons().get(stage).entrySet().stream().map(e -> e.getValue() + ": " + e.getKey().text()).toList()));
    }
    Map<String, Object> all = new HashMap<>();
    all.put("problems", r.problems());
    all.put("with_pairs", r.withPairs());
    all.put("max_right", r.solMaxRight());
    all.put("min_right", r.solMinRight());
    all.put("stages", stages);
    all.put("paired", l.pairs() > 0);
    all.put("chosen", text("%.0f", l.chosen()));
    all.put("rejected", text("%.0f", l.rejected()));
    all.put("longer", text("%.0f", 100 * l.chosenLonger()));
    all.put("bias", text("%+.2f", l.bias()));
    all.put("correlation", text("%+.2f", l.correlation()));
    all.put("near", r.nearDuplicates());
    all.put("probe", r.probe() == null ? List.of()
        : Stream.concat(r.probe().lines().stream(), r.probe().notes().stream()).toList());
    return all;
  }

  private static String text(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
