package dev.sphere.engine.eval;

import dev.sphere.base.AtomicFile;
import dev.sphere.engine.data.JsonText;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/** Stored answers: one JSON object a line, with the fields of {@link Answered}. */
public final class AnswerFile {
  private static final JsonMapper JSON = JsonText.MAPPER;

  private AnswerFile() {}

  /** Writes the answers, whole or not at all. */
  public static void write(Path file, List<Answered> answers) {
    AtomicFile.write(file, out -> {
      for (Answered a : answers) {
        out.write(JSON.writeValueAsBytes(a));
        out.write('\n');
      }
    });
  }

  /** Reads stored answers. */
  public static List<Answered> read(Path file) {
    List<Answered> answers = new ArrayList<>();
    long line = 0;
    try (JsonText lines = new JsonText(file)) {
      for (String s = lines.next(); s != null; s = lines.next()) {
        line = lines.number();
        if (!s.isBlank()) {
          answers.add(JSON.readValue(s, Answered.class));
        }
      }
    } catch (JacksonException e) {
      throw new IllegalArgumentException(
          "answers " + file + ", line " + line + ": " + e.getOriginalMessage() + "; give a file that eval --out wrote", e);
    } catch (IOException e) {
      throw new UncheckedIOException("reading answers from " + file + ": " + e.getMessage(), e);
    }
    return answers;
  }
}
