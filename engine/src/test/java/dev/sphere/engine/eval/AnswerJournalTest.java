package dev.sphere.engine.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AnswerJournalTest {
  private static final Map<String, String> MADE = Map.of("model", "m 1234", "seed", "7");

  @TempDir Path dir;

  private static List<Answered> answers(String problem) {
    return List.of(
        new Answered(problem, "4", -1, "2 + 2 = 4\n#### 4", "4", true, "same number", 9, false),
        new Answered(problem, "4", 0, "\\boxed{5} \u00e9\ud83d\ude00", "5", false, "different numbers", 3, true,
            List.of(0.5, 0.25), Map.of("level", "5", "error", "1e-1")));
  }

  @Test
  void whatWasWrittenBeforeTheEndIsTakenUpAndATornLineIsNot() throws IOException {
    Path file = dir.resolve("answers.jsonl");
    try (AnswerJournal j = AnswerJournal.open(file, MADE, 2, false)) {
      j.add(answers("b"));
      j.add(answers("a"));
      j.add(answers("c").subList(0, 1));
    }
    Path part = AnswerJournal.part(file);
    byte[] all = Files.readAllBytes(part);
    // every length a killed process may leave behind
    for (int cut = all.length; cut > all.length - 400; cut--) {
      Files.write(part, java.util.Arrays.copyOf(all, cut));
      try (AnswerJournal j = AnswerJournal.open(file, MADE, 2, true)) {
        assertTrue(j.known().keySet().contains("b"));
        j.known().forEach((id, stored) -> assertEquals(answers(id), stored));
      }
    }
    Files.write(part, all);
    try (AnswerJournal j = AnswerJournal.open(file, MADE, 2, true)) {
      assertEquals(Set.of("a", "b"), j.known().keySet());
      j.add(answers("c"));
      j.finish(answers("a"));
    }
    assertFalse(Files.exists(part));
    assertEquals(answers("a"), AnswerFile.read(file));
  }

  @Test
  void otherSettingsAndAForgottenJournalAreRefused() throws IOException {
    Path file = dir.resolve("answers.jsonl");
    AnswerJournal.open(file, MADE, 2, false).close();
    String forgotten = assertThrows(IllegalArgumentException.class, () -> AnswerJournal.open(file, MADE, 2, false)).getMessage();
    assertTrue(forgotten.contains("--resume"), forgotten);
    String other = assertThrows(IllegalArgumentException.class,
        () -> AnswerJournal.open(file, Map.of("model", "m 1234", "seed", "8"), 2, true)).getMessage();
    assertTrue(other.contains("its seed is 7, now it is 8"), other);
    Files.writeString(AnswerJournal.part(file), "not a journal\n");
    assertThrows(IllegalArgumentException.class, () -> AnswerJournal.open(file, MADE, 2, true));
  }

  @Test
  void damageInTheMiddleIsNamed() throws IOException {
    Path file = dir.resolve("answers.jsonl");
    try (AnswerJournal j = AnswerJournal.open(file, MADE, 2, false)) {
      j.add(answers("a"));
    }
    Path part = AnswerJournal.part(file);
    Files.writeString(part, Files.readString(part).replaceFirst("\\{\"problemId", "{{problemId"));
    String m = assertThrows(IllegalArgumentException.class, () -> AnswerJournal.open(file, MADE, 2, true)).getMessage();
    assertTrue(m.contains("line 2"), m);
  }
}
