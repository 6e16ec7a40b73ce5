package dev.sphere.web.studio;

import dev.sphere.engine.stage.Reason;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;

/** A search in figures, over the problems that have ended or are in work. */
final class SearchFigures {
  private static final int MOST_CLASSES = 24;
  private static final List<String> QUARTERS = List.of("shortest quarter", "second", "third", "longest");

  private SearchFigures() {}

  /** Counts of problems, solutions, and pairs by stage; the reasons why there is none; the classes of problems. */
  static Map<String, Object> of(List<ProblemRow> rows, List<String> classes) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("problems", rows.size());
    map.put("ended", rows.stream().filter(r -> r.ended).count());
    map.put("withPairs", rows.stream().filter(r -> r.pairs() > 0).count());
    map.put("right", rows.stream().mapToInt(r -> r.right).sum());
    map.put("solutions", rows.stream().mapToInt(r -> r.solutions).sum());
    Map<String, Integer> pairs = new LinkedHashMap<>();
    ProblemRow.STAGES.forEach(s -> pairs.put(s, rows.stream().mapToInt(r -> r.pairs(s)).sum()));
    map.put("pairs", pairs);
    map.put("reasons", rows.stream().flatMap(r -> r.reason.stream())
        .collect(Collectors.groupingBy(Function.identity(), TreeMap::new, Collectors.counting())).entrySet().stream()
        .sorted(Map.Entry.<Reason, Long>comparingByValue().reversed())
        .map(e -> Map.of("label", e.getKey().label(), "text", e.getKey().text(), "n", e.getValue())).toList());
    List<Map<String, Object>> fields = new ArrayList<>();
    for (String field : classes) {
      Map<String, List<ProblemRow>> groups = new TreeMap<>();
      rows.stream().filter(r -> r.problem.metadata().containsKey(field))
          .forEach(r -> groups.computeIfAbsent(r.problem.metadata().get(field), v -> new ArrayList<>()).add(r));
      fields.add(Map.of("field", field,
          "rows", groups.entrySet().stream().map(e -> group(e.getKey(), e.getValue())).toList()));
    }
    if (rows.size() >= 8) {
      fields.add(Map.of("field", "length of the problem", "rows", quarters(rows)));
    }
    map.put("classes", fields);
    return map;
  }

  /** The metadata fields whose values part the problems into classes: more than one value, and not too many. */
  static List<String> classes(List<ProblemRow> rows) {
    return rows.stream().flatMap(r -> r.problem.metadata().keySet().stream()).distinct().filter(field -> {
      long values = rows.stream().map(r -> r.problem.metadata().get(field)).filter(v -> v != null).distinct()
          .limit(MOST_CLASSES + 1).count();
      return values > 1 && values <= MOST_CLASSES;
    }).toList();
  }

  private static List<Map<String, Object>> quarters(List<ProblemRow> rows) {
    int[] lengths = rows.stream().mapToInt(r -> r.problem.question().length()).sorted().toArray();
    int[] ends = {lengths[lengths.length / 4], lengths[lengths.length / 2], lengths[3 * lengths.length / 4]};
    Map<Integer, List<ProblemRow>> groups = rows.stream().collect(Collectors.groupingBy(
        r -> (int) Arrays.stream(ends).filter(e -> r.problem.question().length() > e).count()));
    return groups.entrySet().stream().sorted(Map.Entry.comparingByKey(Comparator.naturalOrder()))
        .map(e -> group(QUARTERS.get(e.getKey()), e.getValue())).toList();
  }

  /** Right ones of solutions and of the probe's draws together. */
  private static Map<String, Object> group(String name, List<ProblemRow> rows) {
    return Map.of("name", name, "problems", rows.size(),
        "ended", rows.stream().filter(r -> r.ended).count(),
        "withPairs", rows.stream().filter(r -> r.pairs() > 0).count(),
        "right", rows.stream().mapToInt(r -> r.right + r.solved).sum(),
        "solutions", rows.stream().mapToInt(r -> r.solutions + r.draws).sum());
  }
}
