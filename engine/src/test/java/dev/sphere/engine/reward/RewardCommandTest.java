package dev.sphere.engine.reward;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.Problem;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RewardCommandTest {
  private static final Problem PROBLEM = new Problem("p 1", "1+1?", "2", Map.of("level", "3"));

  @TempDir Path dir;

  private final List<String> notes = new ArrayList<>();

  /** A shell script that is read a line at a time. */
  private RewardCommand command(String script, double seconds) throws IOException {
    Path file = Files.writeString(dir.resolve("my reward.sh"), script);
    return new RewardCommand("sh \"" + file + "\"", seconds, notes::add);
  }

  @Test
  void oneProcessScoresAllSolutions() throws IOException {
    String script = "n=0; while read -r line; do n=$((n+1)); printf '%s\\n' \"$line\" >> '" + dir + "/seen'; echo 0.$n; done";
    try (RewardCommand command = command(script, 10)) {
      assertEquals(0.1, command.score(PROBLEM, "two\n\"lines\""));
      assertEquals(0.2, command.score(PROBLEM, "x"));
      assertFalse(command.correct(PROBLEM, "x"));
      assertFalse(command.correct(PROBLEM, "x"));
      assertTrue(command.correct(PROBLEM, "x")); // 0.5
    }
    List<String> seen = Files.readAllLines(dir.resolve("seen"));
    assertEquals("{\"id\":\"p 1\",\"question\":\"1+1?\",\"answer\":\"2\",\"metadata\":{\"level\":\"3\"},"
        + "\"solution\":\"two\\n\\\"lines\\\"\"}", seen.getFirst());
    assertEquals(5, seen.size());
    assertEquals(List.of(), notes);
  }

  @Test
  void itIsStartedAnewAndAskedAgain() throws IOException {
    String script = "read -r line; if [ -e '" + dir + "/once' ]; then echo 1; else touch '" + dir + "/once'; exit 3; fi";
    try (RewardCommand command = command(script, 10)) {
      assertEquals(1, command.score(PROBLEM, "x"));
      assertEquals(1, command.score(PROBLEM, "y"), "it ends after each answer");
    }
    assertEquals(List.of(), notes);
  }

  @Test
  void whatFailsTwiceIsWrongAndNamed() throws IOException {
    String script = "while read -r line; do case \"$line\" in *hang*) sleep 60;; *nan*) echo NaN;; *two*) echo 2;; "
        + "*words*) echo good;; *flood*) yes | tr -d '\\n';; *dies*) exit 1;; *) echo 1;; esac; done";
    try (RewardCommand command = command(script, 0.5)) {
      for (String solution : List.of("hang", "nan", "two", "words", "flood", "dies")) {
        assertEquals(0, command.score(PROBLEM, solution), solution);
        assertTrue(notes.getLast().contains("problem p 1"), notes.getLast());
      }
      assertEquals(1, command.score(PROBLEM, "fine"));
    }
    assertEquals(6, notes.size());
    assertTrue(notes.get(0).contains("no answer within 0.5 s"), notes.get(0));
    assertTrue(notes.get(2).contains("not in [0, 1]: 2"), notes.get(2));
    assertTrue(notes.get(3).contains("no number: good"), notes.get(3));
  }

  @Test
  void aCommandThatNeverWorksEndsTheRun() throws IOException {
    try (RewardCommand command = command("exit 1", 10)) {
      for (int i = 1; i < RewardCommand.MOST_FAILURES; i++) {
        assertEquals(0, command.score(PROBLEM, "x"));
      }
      assertTrue(assertThrows(IllegalStateException.class, () -> command.score(PROBLEM, "x")).getMessage()
          .contains("problem p 1"));
    }
  }

  @Test
  void aProgramThatIsNotThere() {
    try (RewardCommand command = new RewardCommand(dir.resolve("none").toString(), 10, notes::add)) {
      assertThrows(IllegalArgumentException.class, () -> command.score(PROBLEM, "x"));
    }
    assertThrows(IllegalArgumentException.class, () -> new RewardCommand("  ", 10, notes::add));
  }

  /** No shell: nothing of the command is expanded or joined. */
  @Test
  void noShell() {
    try (RewardCommand command = new RewardCommand("echo 0.5; touch " + dir.resolve("made"), 10, notes::add)) {
      assertEquals(0, command.score(PROBLEM, "x"));
    }
    assertFalse(Files.exists(dir.resolve("made")));
  }
}
