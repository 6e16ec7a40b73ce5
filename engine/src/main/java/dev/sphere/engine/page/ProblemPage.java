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

/** One problem of a run: what each stage made of it, the pairs step by step, and the trees. */
final class ProblemPage {
  private ProblemPage() {}

  /**
   * @param probed null for none
   * @param separator what ends a step
   */
  static String of(Problem problem, Probed probed, List<StageResult> stages, List<Expansion> expansions, String separator) {
    Map<String, Map<String, Expansion>> searches = new LinkedHashMap<>();
    for (Expansion e : expansions) {
      searches.computeIfAbsent(e.search(), k -> new LinkedHashMap<>()).put(e.path(), e);
    }
    List<Map<String, Object>> trees = searches.values().stream()
        .map(t -> Map.of("text", problem.question(), "children", below(t, ""))).toList();
    return new HtmlPage(problem.id()).add("problem", Map.of(
        "id", problem.id(),
        "question", problem.question(),
        "answer", problem.answer(),
        "probe", probed == null ? List.of() : probed.draws().stream().map(ProblemPage::draw).toList(),
        "stages", stages.stream().map(ProblemPage::stage).toList(),
        "pairs", stages.stream().flatMap(s -> s.pairs().stream()).map(p -> pair(p, separator)).toList(),
        "trees", searches.entrySet().stream()
            .map(e -> Map.of("name", e.getKey(), "expansions", e.getValue().size())).toList())).trees(trees).html();
  }

  private static Map<String, Object> draw(Probed.Draw d) {
    return Map.of(
        "right", d.solved(),
        "verdict", !d.ended() ? "cut at a limit" : d.solved() ? "right" : d.correct() ? "right by a guess" : "wrong",
        "text", d.text());
  }

  private static Map<String, Object> stage(StageResult s) {
    return Map.of(
        "stage", s.stage().label(),
        "pairs", s.pairs().size(),
        "why", s.reason() == null ? "" : s.reason().text(),
        "right", s.attempts().stream().filter(Attempt::correct).count(),
        "solutions", s.attempts().size(),
        "attempts", s.attempts().stream().map(ProblemPage::attempt).toList());
  }

  private static Map<String, Object> attempt(Attempt a) {
    return Map.of(
        "search", a.search(),
        "simulation", a.simulation() + 1,
        "chain", a.max() ? "Sol_max" : "Sol_min",
        "right", a.correct(),
        "verdict", a.truncated() ? "cut at a limit" : a.correct() ? "right" : "wrong",
        "text", a.text());
  }

  /** The steps in common apart, and where chosen and rejected go on; the template marks the first step of either. */
  private static Map<String, Object> pair(PreferencePair pair, String separator) {
    List<String> chosen = steps(pair.chosen(), separator);
    List<String> rejected = steps(pair.rejected(), separator);
    int same = 0;
    while (same < chosen.size() && same < rejected.size() && chosen.get(same).equals(rejected.get(same))) {
      same++;
    }
    return Map.of("stage", pair.stage(), "same", chosen.subList(0, same), "sides", List.of(
        Map.of("name", "chosen", "class", "right", "steps", chosen.subList(same, chosen.size()), "length", pair.chosen().length()),
        Map.of("name", "rejected", "class", "wrong", "steps", rejected.subList(same, rejected.size()),
            "length", pair.rejected().length())));
  }

  private static List<String> steps(String solution, String separator) {
    return Stream.of(solution.split(Pattern.quote(separator))).filter(s -> !s.isBlank()).map(String::strip).toList();
  }

  /** The candidates below a node, and what grows from them, as tree.js reads them. */
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
