package dev.sphere.engine.data;

import dev.sphere.base.AtomicFile;
import dev.sphere.grade.AnswerGrader;
import dev.sphere.grade.Verdict;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/**
 * Grades a file: rows {@code {"gold": ..., "pred": ...}} become rows {@code {"equal": true, "how": ...}} in the same
 * order. Rows may hold text or numbers. A bad line is named and refuses the file.
 */
public final class GradeFile {
  /**
   * The result of a grading.
   *
   * @param n rows that were graded
   * @param equal rows whose prediction equals the gold answer
   */
  public record Counts(long n, long equal) {}

  private GradeFile() {}

  /**
   * Grades {@code in} into {@code out}, which appears whole or not at all.
   *
   * @throws IllegalArgumentException naming the first line that is no row
   */
  public static Counts grade(Path in, Path out) throws IOException {
    AnswerGrader grader = new AnswerGrader();
    long[] count = new long[2]; // rows, equal ones
    try (JsonText lines = new JsonText(in)) {
      AtomicFile.write(out, graded -> {
        for (String s = next(lines, in); s != null; s = next(lines, in)) {
          if (!s.isBlank()) {
            Verdict v = grade(grader, s, in, lines.number());
            Map<String, Object> result = new LinkedHashMap<>();
            result.put("equal", v.equal());
            result.put("how", v.how());
            graded.write(JsonText.MAPPER.writeValueAsBytes(result));
            graded.write('\n');
            count[0]++;
            count[1] += v.equal() ? 1 : 0;
          }
        }
      });
    }
    return new Counts(count[0], count[1]);
  }

  // Unchecked: the writer takes an IOException for one of its own.
  private static String next(JsonText lines, Path in) {
    try {
      return lines.next();
    } catch (CharacterCodingException e) {
      throw new UncheckedIOException("grading " + in + ", line " + lines.number() + ": not UTF-8 text", e);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + in + ": " + e.getMessage(), e);
    }
  }

  private static Verdict grade(AnswerGrader grader, String row, Path in, long line) {
    JsonNode json;
    try {
      json = JsonText.MAPPER.readTree(row);
    } catch (JacksonException e) {
      throw new IllegalArgumentException(
          "grading " + in + ", line " + line + ": no JSON: " + e.getOriginalMessage(), e);
    }
    return grader.grade(text(json, "gold", in, line), text(json, "pred", in, line));
  }

  private static String text(JsonNode row, String field, Path in, long line) {
    JsonNode v = row.path(field);
    if (!v.isString() && !v.isNumber() && !v.isBoolean()) {
      throw new IllegalArgumentException("grading " + in + ", line " + line + ": field " + field
          + " is missing or neither text nor number; a row looks like {\"gold\": \"1/2\", \"pred\": \"0.5\"}");
    }
    return v.asString();
  }
}
