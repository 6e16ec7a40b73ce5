package dev.sphere.engine.data;

import dev.sphere.engine.settings.Setting;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/**
 * Worked examples before a question, as a base model is asked: each is the question's template filled in, a space and the
 * published solution, with an empty line after it (lm-evaluation-harness's few-shot form).
 */
public final class WorkedExamples {
  private static final List<String> SOLUTIONS =
      List.of("solution", "response", "generated_solution", "output", "Solution", "answer", "Answer");

  private WorkedExamples() {}

  /**
   * Which examples stand before a question.
   *
   * @param file problems with solutions; null: no examples
   * @param shots how many
   */
  public record Settings(
      @Setting(name = "few_shot", label = "FILE", shown = "none",
          help = "For base models: worked examples before each question, the first problems of FILE with their solutions.")
      Path file,
      @Setting(def = "5", range = "[1, )", label = "N", needs = "few_shot", help = "How many worked examples.")
      int shots) {}

  /**
   * The template with the first examples of a file before it.
   *
   * @param template the user's turn, with {@code {question}}
   * @param file problems with solutions, as {@link ProblemReader} reads them; GSM8K's training split, for instance
   * @param shots how many, at least 1
   * @throws IllegalArgumentException when there are fewer in the file or a row has no question or solution; names the row
   * @throws UncheckedIOException when reading fails
   */
  public static String before(String template, Path file, int shots) {
    if (shots < 1) {
      throw new IllegalArgumentException("the number of worked examples must be at least 1, it is " + shots);
    }
    if (!Files.isRegularFile(file)) {
      throw new IllegalArgumentException("worked examples " + file + ": there is no such file");
    }
    List<String> parts = new ArrayList<>();
    ProblemFields fields = new ProblemFields(ReadOptions.defaults(), "");
    try (Rows rows = Rows.open(file)) {
      for (Rows.Row row = rows.next(); row != null && parts.size() < shots; row = rows.next()) {
        String where = "worked examples " + file + ", " + rows.unit() + " " + row.line() + ": ";
        if (row.error() != null) {
          throw new IllegalArgumentException(where + row.error());
        }
        try {
          String question = fields.problem(row.value(), row.line()).question();
          parts.add(template.replace("{question}", question) + " " + solution(row.value()));
        } catch (BadRowException e) {
          throw new IllegalArgumentException(where + e.getMessage(), e);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException("reading worked examples from " + file + ": " + e.getMessage(), e);
    }
    if (parts.size() < shots) {
      throw new IllegalArgumentException("worked examples " + file + ": " + shots + " are wanted, " + parts.size()
          + " are there");
    }
    return String.join("\n\n", parts) + "\n\n" + template;
  }

  /** What the template says before the question ("Question:"), which ends an answer; empty where it says nothing. */
  public static String head(String template) {
    return template.substring(0, Math.max(0, template.indexOf("{question}"))).strip();
  }

  private static String solution(JsonNode row) throws BadRowException {
    for (String k : SOLUTIONS) {
      if (row.path(k).isString() && !row.path(k).asString().isBlank()) {
        return row.path(k).asString().strip();
      }
    }
    throw new BadRowException("no solution: none of the fields " + String.join(", ", SOLUTIONS) + " is there");
  }
}
