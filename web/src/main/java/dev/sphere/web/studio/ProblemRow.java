package dev.sphere.web.studio;

import dev.sphere.engine.Problem;
import dev.sphere.engine.stage.Reason;
import dev.sphere.engine.stage.Stage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/** A problem of a search: counts of its records, and the places of these in the run's logs. Guarded by its index. */
final class ProblemRow {
  /** The values of a pair's field {@code stage}. */
  static final List<String> STAGES = List.of("generation", "correction", "diversity", "probe");
  private static final int MOST_QUESTION = 240;

  /** The logs of a run. */
  enum Log {
    RESULTS("results.jsonl"), PROBE("probe.jsonl"), STAGES("stages.jsonl"), TREE("tree.jsonl");

    final String file;

    Log(String file) {
      this.file = file;
    }
  }

  /** A line in a log: its first byte and its length in bytes. */
  record Place(long from, int length) {}

  /** The process rewards of the first step's S_max and S_min. */
  record FirstStep(double max, double min) {}

  final int number;
  final Problem problem;
  private final int[] pairs = new int[STAGES.size()];
  private final Map<Log, List<Place>> places = new EnumMap<>(Log.class);
  int right;
  int solutions;
  /** The probe's draws that are right. */
  int solved;
  /** The probe's draws; 0 before it. */
  int draws;
  boolean ended;
  /** The reason why the problem gave no pair; empty before its end, and where it gave one. */
  Optional<Reason> reason = Optional.empty();
  Optional<FirstStep> firstStep = Optional.empty();

  ProblemRow(int number, Problem problem) {
    this.number = number;
    this.problem = problem;
  }

  void add(Log log, JsonNode record, Place place) {
    switch (log) {
      case RESULTS -> {
        ended = true;
        reason = Optional.ofNullable(record.path("reason").asString(null))
            .map(r -> Reason.valueOf(r.toUpperCase(Locale.ROOT)));
      }
      case PROBE -> {
        draws = record.get("draws").size();
        solved = (int) record.get("draws").valueStream().filter(d -> d.get("solved").asBoolean()).count();
      }
      case STAGES -> {
        for (JsonNode pair : record.get("pairs")) {
          int stage = STAGES.indexOf(pair.path("stage").asString(""));
          pairs[stage < 0 ? Stage.of(record.get("stage").asString()).ordinal() : stage]++;
        }
        solutions += record.get("attempts").size();
        right += (int) record.get("attempts").valueStream().filter(a -> a.get("correct").asBoolean()).count();
      }
      case TREE -> {
        if (record.get("search").asString().equals("generation") && record.get("path").asString().isEmpty()) {
          JsonNode max = record.get("candidates").get(record.get("max").asInt());
          JsonNode min = record.get("candidates").get(record.get("min").asInt());
          // A step without a rival needs no rollouts: its reward of 0 says nothing.
          if (max != min || max.has("rollouts") || max.get("prm").asDouble() != 0) {
            firstStep = Optional.of(new FirstStep(max.get("prm").asDouble(), min.get("prm").asDouble()));
          }
        }
      }
    }
    places.computeIfAbsent(log, l -> new ArrayList<>(4)).add(place);
  }

  /** The places of the problem's lines in a log. */
  List<Place> places(Log log) {
    return places.getOrDefault(log, List.of());
  }

  int pairs() {
    return Arrays.stream(pairs).sum();
  }

  int pairs(String stage) {
    int of = STAGES.indexOf(stage);
    return of < 0 ? 0 : pairs[of];
  }

  /** The row of the table of problems. */
  Map<String, Object> toMap() {
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("id", problem.id());
    row.put("number", number + 1);
    String question = problem.question().strip();
    row.put("question", question.length() > MOST_QUESTION ? question.substring(0, MOST_QUESTION) + "…" : question);
    row.put("answer", problem.answer());
    row.put("pairs", pairs());
    row.put("stages", STAGES.stream().filter(s -> pairs(s) > 0).toList());
    row.put("ended", ended);
    row.put("reason", reason.map(Reason::text).orElse(null));
    row.put("right", right);
    row.put("solutions", solutions);
    row.put("max", firstStep.map(FirstStep::max).orElse(null));
    row.put("min", firstStep.map(FirstStep::min).orElse(null));
    row.put("solved", draws > 0 ? solved : null);
    row.put("draws", draws);
    return row;
  }
}
