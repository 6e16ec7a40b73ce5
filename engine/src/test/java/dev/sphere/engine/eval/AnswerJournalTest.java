package dev.sphere.engine.eval;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.store.Damage;
import dev.sphere.engine.store.Finding;
import dev.sphere.engine.store.Journal;
import dev.sphere.engine.store.StoreException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
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
    try (Journal<Answered> j = AnswerFile.journal(file, MADE, 2, false)) {
      j.add(answers("b"));
      j.add(answers("a"));
      j.add(answers("c").subList(0, 1));
    }
    Path part = Journal.part(file);
    byte[] all = Files.readAllBytes(part);
    // every length a killed process may leave behind
    for (int cut = all.length; cut > all.length - 400; cut--) {
      Files.write(part, java.util.Arrays.copyOf(all, cut));
      try (Journal<Answered> j = AnswerFile.journal(file, MADE, 2, true)) {
        assertTrue(j.known().keySet().contains("b"));
        j.known().forEach((id, stored) -> assertEquals(answers(id), stored));
      }
    }
    Files.write(part, all);
    try (Journal<Answered> j = AnswerFile.journal(file, MADE, 2, true)) {
      assertEquals(Set.of("a", "b"), j.known().keySet());
      j.add(answers("c"));
      AnswerFile.finish(j, answers("a"));
    }
    assertFalse(Files.exists(part));
    assertEquals(answers("a"), AnswerFile.read(file));
  }

  @Test
  void otherSettingsAndAForgottenJournalAreRefused() throws IOException {
    Path file = dir.resolve("answers.jsonl");
    AnswerFile.journal(file, MADE, 2, false).close();
    assertFalse(Files.exists(Journal.part(file)), "without a row there is nothing to go on with");
    try (Journal<Answered> j = AnswerFile.journal(file, MADE, 2, false)) {
      j.add(answers("a"));
    }
    String forgotten = assertThrows(IllegalArgumentException.class, () -> AnswerFile.journal(file, MADE, 2, false)).getMessage();
    assertTrue(forgotten.contains("--resume"), forgotten);
    String other = assertThrows(StoreException.Refused.class,
        () -> AnswerFile.journal(file, Map.of("model", "m 1234", "seed", "8"), 2, true)).getMessage();
    assertTrue(other.contains("seed is \"7\", not \"8\""), other);
    Files.writeString(Journal.part(file), "not a journal\n");
    assertThrows(IllegalArgumentException.class, () -> AnswerFile.journal(file, MADE, 2, true));
  }

  /** Asks what is not known, and ends the evaluation. */
  private static void finish(Journal<Answered> journal) {
    List<Answered> all = new ArrayList<>();
    for (String id : List.of("a", "b", "c", "d")) {
      if (!journal.known().containsKey(id)) {
        journal.add(answers(id));
      }
      all.addAll(journal.known().getOrDefault(id, answers(id)));
    }
    AnswerFile.finish(journal, all);
    journal.close();
  }

  @Test
  void whateverIsDamagedIsAskedAgain() throws IOException {
    Path file = dir.resolve("answers.jsonl");
    Path part = Journal.part(file);
    Journal<Answered> whole = AnswerFile.journal(file, MADE, 2, false);
    for (String id : List.of("a", "b", "c", "d")) {
      whole.add(answers(id));
    }
    whole.close();
    byte[] before = Files.readAllBytes(part);
    assertEquals(List.of(), Journal.check(AnswerFile.JOURNAL, file));
    finish(AnswerFile.journal(file, MADE, 2, true));
    byte[] answers = Files.readAllBytes(file);
    int cases = 0;
    int refused = 0;
    for (Damage way : Damage.values()) {
      for (int i = 0; i < 40; i++, cases++) {
        String what = way + " " + i;
        byte[] damaged = way.of(before, new Random(i));
        if (damaged == null) {
          Files.deleteIfExists(part);
          assertThrows(IllegalArgumentException.class, () -> Journal.check(AnswerFile.JOURNAL, file));
        } else {
          Files.write(part, damaged);
          List<Finding> check = Journal.check(AnswerFile.JOURNAL, file);
          if (!check.stream().allMatch(Finding::mendable)) {
            refused++;
            String message = assertThrows(
                IllegalArgumentException.class, () -> AnswerFile.journal(file, MADE, 2, true), what).getMessage();
            assertTrue(message.contains("move it away to begin anew"), message);
            assertArrayEquals(damaged, Files.readAllBytes(part), "refused and changed");
            Files.move(part, dir.resolve("moved-away" + cases));
          }
        }
        Journal<Answered> journal = AnswerFile.journal(file, MADE, 2, true);
        for (Finding f : journal.findings()) {
          assertEquals(part, f.file());
        }
        if (way == Damage.BIT_IN_MIDDLE_LINE) {
          assertEquals(1, journal.findings().stream().filter(f -> f.line() > 0).count(), what);
        }
        finish(journal);
        assertArrayEquals(answers, Files.readAllBytes(file), what);
      }
    }
    assertTrue(refused > 0 && refused < cases / 2, refused + " of " + cases + " refused");
  }
}
