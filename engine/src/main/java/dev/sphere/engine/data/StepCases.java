package dev.sphere.engine.data;

import dev.sphere.engine.Problem;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/**
 * Reads solutions with a known first wrong step in ProcessBench's format, from JSONL, JSON, CSV or Parquet: {@code id},
 * {@code generator}, {@code problem}, {@code steps}, {@code label} (-1: none), and of our own {@code answer}, which the
 * Monte Carlo reward needs.
 */
public final class StepCases {
  private StepCases() {}

  /**
   * Reads a file.
   *
   * @param limit most cases; 0 takes all
   * @throws IllegalArgumentException when there is no such file or a row is no such case; names the row
   */
  public static List<StepCase> read(String source, int limit) {
    Path file = Path.of(source);
    if (!Files.isRegularFile(file)) {
      throw new IllegalArgumentException(
          "step cases " + source + ": there is no such file; give one in ProcessBench's format");
    }
    List<StepCase> cases = new ArrayList<>();
    try (Rows rows = Rows.open(file)) {
      for (Rows.Row row = rows.next(); row != null && (limit == 0 || cases.size() < limit); row = rows.next()) {
        String where = "step cases " + source + ", " + rows.unit() + " " + row.line() + ": ";
        if (row.error() != null) {
          throw new IllegalArgumentException(where + row.error());
        }
        cases.add(of(row.value(), cases.size(), where));
      }
    } catch (IOException e) {
      throw new UncheckedIOException("reading step cases from " + file + ": " + e.getMessage(), e);
    }
    if (cases.isEmpty()) {
      throw new IllegalArgumentException("step cases " + source + ": there is none in it");
    }
    return cases;
  }

  private static StepCase of(JsonNode row, int index, String where) {
    JsonNode steps = row.get("steps");
    JsonNode label = row.get("label");
    JsonNode problem = row.get("problem");
    if (problem == null || !problem.isString() || steps == null || !steps.isArray() || label == null
        || !label.isIntegralNumber()) {
      throw new IllegalArgumentException(where + "expected the fields problem (text), steps (a list) and label (a "
          + "number)");
    }
    List<String> texts = new ArrayList<>();
    steps.forEach(s -> texts.add(s.asString()));
    String id = row.hasNonNull("id") ? row.get("id").asString() : "case-" + index;
    String answer = row.hasNonNull("answer") ? row.get("answer").asString() : "";
    String generator = row.hasNonNull("generator") ? row.get("generator").asString() : "";
    try {
      return new StepCase(new Problem(id, problem.asString(), answer), texts, label.asInt(), generator);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(where + e.getMessage(), e);
    }
  }
}
