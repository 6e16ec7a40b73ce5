package dev.sphere.engine.page;

import static java.lang.String.format;

import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.Problem;
import dev.sphere.engine.probe.Probed;
import dev.sphere.engine.search.Candidate;
import dev.sphere.engine.search.Expansion;
import dev.sphere.engine.stage.Attempt;
import dev.sphere.engine.stage.StageResult;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
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
    return new HtmlPage(problem.id()).add("problem", Map.of(
        "id", problem.id(),
        "question", problem.question(),
        "answer", problem.answer(),
        "probe", probed == null ? List.of() : probed.draws().stream().map(ProblemPage::draw).toList(),
        "stages", stages.stream().map(ProblemPage::stage).toList(),
        "pairs", stages.stream().flatMap(s -> s.pairs().stream()).map(p -> pair(p, separator)).toList(),
        "trees", searches.entrySet().stream().map(e -> tree(e.getKey(), e.getValue())).toList())).html();
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

  /** Chosen and rejected, step against step; the first one that differs is marked. */
  private static Map<String, Object> pair(PreferencePair pair, String separator) {
    List<String> chosen = steps(pair.chosen(), separator);
    List<String> rejected = steps(pair.rejected(), separator);
    int same = 0;
    while (same < chosen.size() && same < rejected.size() && chosen.get(same).equals(rejected.get(same))) {
      same++;
    }
    return Map.of("stage", pair.stage(), "same", same, "sides", List.of(
        Map.of("name", "chosen", "class", "right", "steps", chosen, "length", pair.chosen().length()),
        Map.of("name", "rejected", "class", "wrong", "steps", rejected, "length", pair.rejected().length())));
  }

  private static List<String> steps(String solution, String separator) {
    return Stream.of(solution.split(Pattern.quote(separator))).filter(s -> !s.isBlank()).map(String::strip).toList();
  }

  private static Map<String, Object> tree(String name, Map<String, Expansion> expansions) {
    List<Map<String, Object>> nodes = new ArrayList<>();
    grow(expansions, "", nodes);
    return Map.of("name", name, "expansions", expansions.size(), "nodes", nodes);
  }

  /**
   * The candidates below a node, each followed by what grows from it. A candidate's element ends after what grows from it: the
   * last of these has as many ends.
   */
  private static void grow(Map<String, Expansion> expansions, String path, List<Map<String, Object>> nodes) {
    Expansion e = expansions.get(path);
    if (e == null) {
      return;
    }
    for (int i = 0; i < e.candidates().size(); i++) {
      boolean max = i == e.max();
      boolean min = i == e.min();
      nodes.add(node(e.candidates().get(i), max ? "max" : min ? "min" : "pruned",
          max && min ? "S_max = S_min" : max ? "S_max" : min ? "S_min" : "pruned"));
      if (max || min) {
        grow(expansions, path + (max ? '+' : '-'), nodes);
      }
      nodes.getLast().merge("ends", List.of(1), (a, b) -> Collections.nCopies(((List<?>) a).size() + 1, 1));
    }
  }

  private static Map<String, Object> node(Candidate c, String kind, String name) {
    Map<String, Object> node = new LinkedHashMap<>();
    node.put("class", kind);
    node.put("name", name);
    node.put("prm", format(Locale.ROOT, "%.3f", c.prm()));
    node.put("reward", format(Locale.ROOT, "%+.3f", c.reward()));
    node.put("count", c.count());
    node.put("cut", c.terminal() && c.truncated());
    node.put("right", c.terminal() && c.correct());
    node.put("wrong", c.terminal() && !c.correct());
    node.put("text", c.generation().text().strip());
    return node;
  }
}
