package dev.sphere.lab.study;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.lab.study.RoundsReport.Estimate;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.IntUnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RoundsReportTest {
  @TempDir Path dir;

  /** Answers of a model that solves the first {@code solved(level)} of 20 problems of each class; any of its samples one more. */
  private void answers(String folder, IntUnaryOperator solved, boolean samples) throws IOException {
    StringBuilder out = new StringBuilder();
    for (int level = 1; level <= 10; level++) {
      for (int i = 0; i < 20; i++) {
        for (int sample = -1; sample < (samples ? 2 : 0); sample++) {
          boolean right = i < solved.applyAsInt(level) + (sample == 1 ? 1 : 0);
          out.append("{\"problemId\":\"p-").append(level).append('-').append(i).append("\",\"sample\":").append(sample)
              .append(",\"correct\":").append(right).append(",\"tokens\":3,\"truncated\":false,\"metadata\":{\"level\":\"").append(level).append("\"}}\n");
        }
      }
    }
    Files.writeString(Files.createDirectories(dir.resolve(folder)).resolve("test.jsonl"), out);
  }

  @Test
  void readsRunsAndTestsTheDifferences() throws IOException {
    for (int base = 1; base <= 2; base++) {
      answers("base-" + base, level -> level <= 3 ? 18 : level == 4 ? 4 : 0, true);
      for (int seed = 1; seed <= 2; seed++) {
        for (int round = 1; round <= 3; round++) {
          int r = round;
          answers(base + "-" + seed + "/sphere-123/" + round, level -> Math.max(0, 8 + 3 * r - level), false);
          answers(base + "-" + seed + "/star/" + round, level -> level <= 3 ? 18 : 4, false);
        }
        answers(base + "-" + seed + "/one-round/1", level -> 10, false);
        answers(base + "-" + seed + "/shuffled/1", level -> level <= 3 ? 18 : level == 4 ? 4 : 0, false);
      }
    }
    Map<String, java.util.List<RoundsReport.Run>> arms = RoundsReport.read(dir);
    assertEquals(4, arms.get("sphere-123").size());
    // Round 1: 11 - level, so 7, 6, 5, 4, 3, 2 of 20 on classes 4 to 9; each round solves three more.
    Estimate rounds = RoundsReport.difference(arms.get("sphere-123"), 2, arms.get("sphere-123"), 1, 4, 5, 6, 7, 8, 9);
    assertEquals(15, rounds.value(), 1e-9);
    assertTrue(rounds.low() > 5 && rounds.low() < 15 && rounds.high() > 15 && rounds.high() < 25, rounds.toString());
    assertEquals(1e-4, rounds.p());
    Estimate nothing = RoundsReport.difference(arms.get("shuffled"), -1, arms.get("shuffled"), 0, 4, 5, 6);
    assertEquals(0, nothing.value());
    assertEquals(1, nothing.p());
    // One round of 10 of 20 against the last of sphere: 13, 12, 11, 10, 9, 8.
    assertEquals(2.5, RoundsReport.difference(arms.get("sphere-123"), -1, arms.get("one-round"), -1, 4, 5, 6, 7, 8, 9).value(), 1e-9);

    ByteArrayOutputStream out = new ByteArrayOutputStream();
    RoundsReport.report(dir, "sphere-123", new PrintStream(out, true, StandardCharsets.UTF_8));
    String text = out.toString(StandardCharsets.UTF_8);
    assertTrue(text.contains("| sphere-123 | 4 | 3.3 | 22.5, 37.5, 52.5 | 0.0, 35.0 |"), text);
    assertTrue(text.contains("base 2, class 9: 5.0 % to 40.0 %") && !text.contains("base 2, class 4:"), text);
    assertTrue(text.contains("Class 10, last round - base: +35.0"), text);
  }

  @Test
  void holmTakesTheSmallestTimesTheirNumber() {
    Map<String, Double> p = RoundsReport.holm(Map.of("a", new Estimate(1, 0, 2, 0.01), "b", new Estimate(1, 0, 2, 0.04),
        "c", new Estimate(1, 0, 2, 0.03)));
    assertEquals(0.03, p.get("a"), 1e-12);
    assertEquals(0.06, p.get("c"), 1e-12);
    assertEquals(0.06, p.get("b"), 1e-12);
  }
}
