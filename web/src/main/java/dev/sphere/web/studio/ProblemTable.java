package dev.sphere.web.studio;

import dev.sphere.engine.Problem;
import dev.sphere.web.Query;
import dev.sphere.web.studio.ProblemRow.FirstStep;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** The table of a search's problems, filtered and sorted as a query asks. */
final class ProblemTable {
  private static final int MOST_ROWS = 500;

  private ProblemTable() {}

  /** A part of the table: {@code total}, {@code matched}, {@code from} and {@code rows}. */
  static Map<String, Object> page(List<ProblemRow> all, Query query) {
    int from = query.number("from", 0);
    int count = Math.min(MOST_ROWS, query.number("count", 100));
    Comparator<ProblemRow> order = order(query.text("sort"));
    List<ProblemRow> found = all.stream()
        .filter(text(query)).filter(reason(query)).filter(stage(query)).filter(reward(query)).filter(field(query))
        .sorted(query.text("desc").equals("1") ? order.reversed() : order).toList();
    return Map.of("total", all.size(), "matched", found.size(), "from", from,
        "rows", found.stream().skip(from).limit(count).map(ProblemRow::toMap).toList());
  }

  private static Predicate<ProblemRow> text(Query query) {
    String text = query.text("text").strip().toLowerCase(Locale.ROOT);
    return text.isEmpty() ? row -> true : row -> {
      Problem p = row.problem;
      return Stream.of(p.id(), p.question(), p.answer()).anyMatch(s -> s.toLowerCase(Locale.ROOT).contains(text));
    };
  }

  private static Predicate<ProblemRow> reason(Query query) {
    String reason = query.text("reason");
    return switch (reason) {
      case "" -> row -> true;
      case "pairs" -> row -> row.pairs() > 0;
      case "none" -> row -> row.ended && row.pairs() == 0;
      case "open" -> row -> !row.ended;
      default -> row -> row.reason.filter(r -> r.label().equals(reason)).isPresent();
    };
  }

  private static Predicate<ProblemRow> stage(Query query) {
    String stage = query.text("stage");
    return row -> stage.isEmpty() || row.pairs(stage) > 0;
  }

  private static Predicate<ProblemRow> reward(Query query) {
    Predicate<FirstStep> fits = switch (query.text("reward")) {
      case "low" -> r -> r.max() < 1.0 / 3;
      case "high" -> r -> r.min() > 2.0 / 3;
      case "between" -> r -> (r.max() + r.min()) / 2 >= 1.0 / 3 && (r.max() + r.min()) / 2 <= 2.0 / 3;
      case "gap" -> r -> r.max() - r.min() >= 0.25;
      default -> null;
    };
    return fits == null ? row -> true : row -> row.firstStep.filter(fits).isPresent();
  }

  private static Predicate<ProblemRow> field(Query query) {
    String field = query.text("field");
    return row -> field.isEmpty() || query.text("value").equals(row.problem.metadata().get(field));
  }

  private static Comparator<ProblemRow> order(String by) {
    return switch (by) {
      case "id" -> Comparator.comparing(row -> row.problem.id());
      case "pairs" -> Comparator.comparingInt(ProblemRow::pairs);
      case "right" -> Comparator.comparingDouble(row -> share(row.right, row.solutions));
      case "reward" -> Comparator.comparingDouble(row -> row.firstStep.map(FirstStep::max).orElse(-1.0));
      case "gap" -> Comparator.comparingDouble(row -> row.firstStep.map(r -> r.max() - r.min()).orElse(-1.0));
      case "passed" -> Comparator.comparingDouble(row -> share(row.solved, row.draws));
      case "reason" -> Comparator.comparingInt(row -> row.reason.map(Enum::ordinal).orElse(-1));
      default -> Comparator.comparingInt(row -> row.number);
    };
  }

  private static double share(int part, int whole) {
    return whole == 0 ? -1 : (double) part / whole;
  }
}
