package dev.sphere.engine.page;

import static dev.sphere.engine.page.Html.text;

import dev.sphere.base.Visible;
import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.Problem;
import dev.sphere.engine.search.Candidate;
import dev.sphere.engine.search.Expansion;
import dev.sphere.engine.stage.Attempt;
import dev.sphere.engine.stage.StageResult;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** One problem of a run: what each stage made of it, the pairs step by step, and the trees. */
final class ProblemPage {
  private final Problem problem;
  private final List<StageResult> stages;
  private final String separator;
  private final StringBuilder out = new StringBuilder();

  private ProblemPage(Problem problem, List<StageResult> stages, String separator) {
    this.problem = problem;
    this.stages = stages;
    this.separator = separator;
  }

  /** @param separator what ends a step */
  static String of(Problem problem, List<StageResult> stages, List<Expansion> expansions, String separator) {
    ProblemPage page = new ProblemPage(problem, stages, separator);
    page.write(expansions);
    return Html.page(problem.id(), page.out.toString());
  }

  private void write(List<Expansion> expansions) {
    out.append(text("<p><a href=\"index.html\">all problems</a></p>%n<h1>%s</h1>%n<div class=\"q\">%s</div>%n"
        + "<p>Known answer: <b>%s</b></p>%n", Visible.html(problem.id()), Visible.html(problem.question()),
            Visible.html(problem.answer())));
    out.append("<h2>Stages</h2>\n<table><tr><th>stage</th><th>pairs</th><th>why none</th><th>solutions</th></tr>\n");
    for (StageResult s : stages) {
      long right = s.attempts().stream().filter(Attempt::correct).count();
      out.append(text("<tr><td>%s</td><td>%d</td><td>%s</td><td>%d right of %d</td></tr>%n", s.stage().label(),
          s.pairs().size(), s.reason() == null ? "" : Visible.html(s.reason().text()), right, s.attempts().size()));
    }
    out.append("</table>\n");
    for (StageResult s : stages) {
      s.pairs().forEach(this::pair);
    }
    Map<String, Map<String, Expansion>> searches = new LinkedHashMap<>();
    for (Expansion e : expansions) {
      searches.computeIfAbsent(e.search(), k -> new LinkedHashMap<>()).put(e.path(), e);
    }
    searches.forEach((name, nodes) -> {
      out.append(text("<h2>Tree: %s</h2>%n<p class=\"score\">%d expansions; green: S_max, red: S_min, grey: pruned</p>%n",
          Visible.html(name), nodes.size()));
      node(nodes, "");
    });
    for (StageResult s : stages) {
      attempts(s);
    }
  }

  /** Chosen and rejected, step against step; the first one that differs is marked. */
  private void pair(PreferencePair pair) {
    List<String> chosen = steps(pair.chosen());
    List<String> rejected = steps(pair.rejected());
    int same = 0;
    while (same < chosen.size() && same < rejected.size()
        && chosen.get(same).strip().equals(rejected.get(same).strip())) {
      same++;
    }
    out.append(text("<h2>Pair: %s</h2>%n<p class=\"score\">%d steps in common; %d and %d characters</p>%n<div class=\"pair\">%n",
        Visible.html(pair.stage()), same, pair.chosen().length(), pair.rejected().length()));
    column("chosen", "right", chosen, same);
    column("rejected", "wrong", rejected, same);
    out.append("</div>\n");
  }

  private void column(String title, String kind, List<String> steps, int marked) {
    out.append(text("<div><b class=\"%s\">%s</b>%n", kind, title));
    for (int i = 0; i < steps.size(); i++) {
      String step = Visible.html(steps.get(i).strip());
      out.append(text("<div class=\"step\">%s</div>%n", i == marked ? "<mark>" + step + "</mark>" : step));
    }
    out.append("</div>\n");
  }

  private List<String> steps(String solution) {
    List<String> steps = new ArrayList<>();
    for (String step : solution.split(java.util.regex.Pattern.quote(separator))) {
      if (!step.isBlank()) {
        steps.add(step);
      }
    }
    return steps;
  }

  /** The candidates of a node, the survivors with what grows from them. */
  private void node(Map<String, Expansion> nodes, String path) {
    Expansion e = nodes.get(path);
    if (e == null) {
      return;
    }
    for (int i = 0; i < e.candidates().size(); i++) {
      boolean max = i == e.max();
      boolean min = i == e.min();
      candidate(e.candidates().get(i), max ? "max" : min ? "min" : "pruned",
          max && min ? "S_max = S_min" : max ? "S_max" : min ? "S_min" : "pruned");
      if (max) {
        node(nodes, path + '+');
      } else if (min) {
        node(nodes, path + '-');
      }
      out.append("</div>\n");
    }
  }

  private void candidate(Candidate c, String kind, String name) {
    String end = !c.terminal() ? "" : c.truncated() ? ", cut at a limit"
        : c.correct() ? ", <span class=\"right\">right</span>" : ", <span class=\"wrong\">wrong</span>";
    out.append(text("<div class=\"node %s\"><span class=\"score\">%s, prm %.3f, R %+.3f%s%s</span>"
        + "<div class=\"step\">%s</div>%n", kind, name, c.prm(), c.reward(), c.count() > 1 ? ", drawn " + c.count()
            + "×" : "",
        end, Visible.html(c.generation().text().strip())));
  }

  private void attempts(StageResult s) {
    if (s.attempts().isEmpty()) {
      return;
    }
    out.append(text("<h2>Solutions: %s</h2>%n", s.stage().label()));
    for (Attempt a : s.attempts()) {
      String verdict = a.truncated() ? "cut at a limit" : a.correct() ? "right" : "wrong";
      out.append(text("<details><summary>%s, simulation %d, %s: <span class=\"%s\">%s</span></summary>"
          + "<div class=\"q step\">%s</div></details>%n", Visible.html(a.search()), a.simulation() + 1, a.max() ? "Sol_max"
              : "Sol_min",
          a.correct() ? "right" : "wrong", verdict, Visible.html(a.text())));
    }
  }
}
