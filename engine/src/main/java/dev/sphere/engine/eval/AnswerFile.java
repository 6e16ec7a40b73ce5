package dev.sphere.engine.eval;

import dev.sphere.base.AtomicFile;
import dev.sphere.engine.data.JsonText;
import dev.sphere.engine.store.Journal;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/** Stored answers: one JSON object a line, with the fields of {@link Answered}. */
public final class AnswerFile {
  /** The answers of an evaluation that is going on. */
  public static final Journal.Kind<Answered> JOURNAL = new Journal.Kind<>(Answered.class, "evaluation", "answers",
      a -> a.text() == null ? null : a.problemId(), Answered::sample);

  private static final JsonMapper JSON = JsonText.MAPPER;

  private AnswerFile() {}

  /** Writes the answers, whole or not at all. */
  public static void write(Path file, List<Answered> answers) {
    AtomicFile.write(file, lines(answers));
  }

  private static AtomicFile.StreamBody lines(List<Answered> answers) {
    return out -> {
      for (Answered a : answers) {
        out.write(JSON.writeValueAsBytes(a));
        out.write('\n');
      }
    };
  }

  /**
   * Opens the journal of an evaluation, see {@link Journal#open}; {@link #finish} ends it.
   *
   * @param perProblem answers that a problem must have to count as done
   */
  public static Journal<Answered> journal(Path file, Map<String, String> identity, int perProblem, boolean resume) {
    return Journal.open(JOURNAL, file, identity, perProblem, resume);
  }

  /** Writes the file itself and removes its journal. */
  public static void finish(Journal<Answered> journal, List<Answered> inOrder) {
    journal.finish(lines(inOrder));
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
          "answers " + file + ", line " + line + ": " + e.getOriginalMessage() + "; give a file that eval --out wrote",
              e);
    } catch (IOException e) {
      throw new UncheckedIOException("reading answers from " + file + ": " + e.getMessage(), e);
    }
    return answers;
  }
}
