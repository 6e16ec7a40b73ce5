package dev.sphere.engine.page;

import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.Problem;
import dev.sphere.engine.probe.Probed;
import dev.sphere.engine.search.Candidate;
import dev.sphere.engine.search.Expansion;
import dev.sphere.engine.stage.Attempt;
import dev.sphere.engine.stage.StageResult;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The page of one problem of a run: the result of each stage, the pairs step by step, and the search trees. */
final class ProblemPage {
  private final HtmlPage page;

  private ProblemPage(HtmlPage page) {
    this.page = page;
  }

  /**
   * The page as HTML.
   *
   * @param probed the problem's probe; null for none
   * @param separator the text that ends a step
   */
  static String of(
      Problem problem, Probed probed, List<StageResult> stages, List<Expansion> expansions, String separator) {
    Map<String, Map<String, Expansion>> searches = new LinkedHashMap<>();
    for (Expansion e : expansions) {
      searches.computeIfAbsent(e.search(), k -> new LinkedHashMap<>()).put(e.path(), e);
    }
    HtmlPage page = new HtmlPage(problem.id());
    ProblemPage parts = new ProblemPage(page);
    page.add("""
        <p><a href="index.html">all problems</a></p>
        <h1>%s</h1>
        <div class="q">%s</div>
        <p>Known answer: <b>%s</b></p>
        """, problem.id(), problem.question(), problem.answer());
    parts.stages(stages);
    stages.forEach(s -> s.pairs().forEach(pair -> parts.pair(pair, separator)));
    parts.trees(searches);
    if (probed != null) {
      parts.probe(probed);
    }
    stages.forEach(parts::solutions);
    return page.trees(searches.values().stream()
        .map(tree -> Map.of("text", problem.question(), "children", below(tree, ""))).toList()).html();
  }

  private void stages(List<StageResult> stages) {
    page.add("""
        <h2>Stages</h2>
        <div class="scroll" tabindex="0" role="region" aria-label="stages"><table>\
        <thead><tr><th>stage</th><th>pairs</th><th>why none</th><th>solutions</th></tr></thead>
        <tbody>""");
    stages.forEach(s -> page.add("<tr><td>%s</td><td>%s</td><td>%s</td><td>%s right of %s</td></tr>\n",
        s.stage().label(), s.pairs().size(), s.reason() == null ? "" : s.reason().text(),
        s.attempts().stream().filter(Attempt::correct).count(), s.attempts().size()));
    page.add("</tbody></table></div>\n");
  }

  /** A pair: the steps in common, then chosen and rejected beside each other; the first step of either is marked. */
  private void pair(PreferencePair pair, String separator) {
    List<String> chosen = steps(pair.chosen(), separator);
    List<String> rejected = steps(pair.rejected(), separator);
    int same = 0;
    while (same < chosen.size() && same < rejected.size() && chosen.get(same).equals(rejected.get(same))) {
      same++;
    }
    page.add("<h2>Pair: %s</h2>\n<p class=\"small\">%s steps in common; %s and %s characters</p>\n",
        pair.stage(), same, pair.chosen().length(), pair.rejected().length());
    if (same > 0) {
      page.add("<details><summary>in common</summary><div class=\"q\">\n");
      chosen.subList(0, same).forEach(step -> page.add("<div class=\"step\">%s</div>\n", step));
      page.add("</div></details>\n");
    }
    page.add("<div class=\"pair\">\n");
    side("chosen", "right", chosen.subList(same, chosen.size()));
    side("rejected", "wrong", rejected.subList(same, rejected.size()));
    page.add("</div>\n");
  }

  private void side(String name, String look, List<String> steps) {
    page.add("<div class=\"%s\"><b class=\"%s\">%s</b>\n", look, look, name);
    for (int i = 0; i < steps.size(); i++) {
      page.add("<div class=\"step\">" + (i == 0 ? "<mark>%s</mark>" : "%s") + "</div>\n", steps.get(i));
    }
    page.add("</div>\n");
  }

  private void trees(Map<String, Map<String, Expansion>> searches) {
    int number = 0;
    for (Map.Entry<String, Map<String, Expansion>> search : searches.entrySet()) {
      page.add("""
          <h2>Tree: %s</h2>
          <p class="small">%s expansions. Choose a node with the mouse, or walk with the arrow keys.</p>
          <div class="search-tree" data-tree="%s" data-name="%s"></div>
          """, search.getKey(), search.getValue().size(), number++, search.getKey());
    }
  }

  private void probe(Probed probed) {
    int number = 0;
    for (Probed.Draw d : probed.draws()) {
      page.add(number == 0 ? "<h2>Probe</h2>\n" : "");
      number++;
      text("draw " + number, d.solved(),
          !d.ended() ? "cut at a limit" : d.solved() ? "right" : d.correct() ? "right by a guess" : "wrong", d.text());
    }
  }

  private void solutions(StageResult stage) {
    if (!stage.attempts().isEmpty()) {
      page.add("<h2>Solutions: %s</h2>\n", stage.stage().label());
    }
    for (Attempt a : stage.attempts()) {
      String name = a.search() + ", simulation " + (a.simulation() + 1) + ", " + (a.max() ? "Sol_max" : "Sol_min");
      text(name, a.correct(), a.truncated() ? "cut at a limit" : a.correct() ? "right" : "wrong", a.text());
    }
  }

  private void text(String name, boolean right, String verdict, String text) {
    page.add("<details><summary>%s: <span class=\"%s\">%s</span></summary><div class=\"q step\">%s</div></details>\n",
        name, right ? "right" : "wrong", verdict, text);
  }

  private static List<String> steps(String solution, String separator) {
    return Stream.of(solution.split(Pattern.quote(separator))).filter(s -> !s.isBlank()).map(String::strip).toList();
  }

  /** The candidates below a node with their subtrees, as {@code tree.js} reads them. */
  private static List<Map<String, Object>> below(Map<String, Expansion> expansions, String path) {
    Expansion e = expansions.get(path);
    List<Map<String, Object>> nodes = new ArrayList<>();
    for (int i = 0; e != null && i < e.candidates().size(); i++) {
      boolean max = i == e.max();
      boolean min = i == e.min();
      Candidate c = e.candidates().get(i);
      Map<String, Object> node = new LinkedHashMap<>();
      node.put("kind", max && min ? "both" : max ? "max" : min ? "min" : "pruned");
      node.put("prm", c.prm());
      node.put("reward", c.reward());
      node.put("count", c.count());
      node.put("outcome", !c.terminal() ? null : c.truncated() ? "cut" : c.correct() ? "right" : "wrong");
      node.put("text", c.generation().text().strip());
      if (max || min) {
        node.put("children", below(expansions, path + (max ? '+' : '-')));
      }
      nodes.add(node);
    }
    return nodes;
  }
}
