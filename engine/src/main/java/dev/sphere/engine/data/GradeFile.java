package dev.sphere.engine.data;

import dev.sphere.engine.grade.AnswerGrader;
import dev.sphere.engine.grade.Verdict;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Grades a file: rows {@code {"gold": ..., "pred": ...}} become rows {@code {"equal": true, "how": ...}} in the same
 * order. Rows may hold text or numbers. A bad line is named and refuses the file.
 */
public final class GradeFile {
  /** How many rows were graded and how many of them are equal. */
  public record Counts(long n, long equal) {}

  private GradeFile() {}

  /**
   * Grades {@code in} into {@code out}, which appears whole or not at all.
   *
   * @throws IllegalArgumentException naming the first line that is no row
   */
  public static Counts grade(Path in, Path out) throws IOException {
    AnswerGrader grader = new AnswerGrader();
    JsonMapper json = JsonText.MAPPER;
    Path part = out.resolveSibling(out.getFileName() + ".part");
    long n = 0;
    long equal = 0;
    try (JsonText lines = new JsonText(in);
        BufferedWriter writer = Files.newBufferedWriter(part)) {
      for (String s = lines.next(); s != null; s = lines.next()) {
        long line = lines.number();
        if (s.isBlank()) {
          continue;
        }
        JsonNode row;
        try {
          row = json.readTree(s);
        } catch (JacksonException e) {
          throw new IllegalArgumentException("grading " + in + ", line " + line + ": no JSON: " + e.getOriginalMessage(), e);
        }
        Verdict v = grader.grade(text(row, "gold", in, line), text(row, "pred", in, line));
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("equal", v.equal());
        result.put("how", v.how());
        writer.write(json.writeValueAsString(result));
        writer.write('\n');
        n++;
        equal += v.equal() ? 1 : 0;
      }
    } catch (IOException | RuntimeException e) {
      Files.deleteIfExists(part);
      throw e;
    }
    Files.move(part, out, StandardCopyOption.REPLACE_EXISTING);
    return new Counts(n, equal);
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
