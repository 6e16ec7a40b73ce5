package dev.sphere.web.studio;

import dev.sphere.web.studio.ProblemRow.Log;
import java.util.LinkedHashMap;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/** The tokens of a search by what they were drawn for. */
final class TokenCounts {
  private final Map<String, Long> candidates = new LinkedHashMap<>(); // by the kind of search
  private long repeated; // of draws that were equal to a candidate
  private long rollouts;
  private long probe;
  private long solutions; // of the stages' attempts: all there is of a search without trees

  void add(Log log, JsonNode record) {
    switch (log) {
      case RESULTS -> { }
      case PROBE -> probe += tokens(record.get("draws"));
      case STAGES -> solutions += tokens(record.get("attempts"));
      case TREE -> {
        String kind = record.get("search").asString().split(":", 2)[0];
        candidates.merge(kind, tokens(record.get("candidates")), Long::sum);
        repeated += record.get("candidates").valueStream()
            .mapToLong(c -> (c.get("count").asLong() - 1) * c.get("tokens").size()).sum();
        rollouts += record.path("rollout_tokens").asLong(0);
      }
    }
  }

  private static long tokens(JsonNode drawn) {
    return drawn.valueStream().mapToLong(d -> d.path("tokens").size()).sum();
  }

  /** The counts that are not 0. */
  Map<String, Long> toMap() {
    Map<String, Long> map = new LinkedHashMap<>(candidates);
    if (candidates.isEmpty()) {
      map.put("solutions", solutions);
    }
    map.put("repeated", repeated);
    map.put("rollouts", rollouts);
    map.put("probe", probe);
    map.values().removeIf(n -> n == 0);
    return map;
  }
}
