package dev.sphere.cli.progress;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.cost.Range;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class ProgressBarsTest {
  private final StringWriter text = new StringWriter();

  @Test
  void linesSayTaskCountWordsAndTimeLeft() {
    long[] now = {0};
    try (ProgressBars bars = new ProgressBars("evolve", new PrintWriter(text), false, 0, () -> now[0])) {
      bars.note("found nothing damaged");
      bars.begin("search", "problems", 2, 10);
      bars.at(2, () -> "pairs 0+0+0");
      for (int second = 1; second <= 40; second++) {
        now[0] = second * 1_000_000_000L;
        bars.at(2 + second / 10, () -> "");
      }
      bars.at(7, () -> "more", () -> new Range(720, 800, 1200));
      bars.at(10, () -> "", () -> null);
    }
    List<String> lines = text.toString().lines().toList();
    assertEquals("evolve: found nothing damaged", lines.get(0));
    assertEquals("search: 2/10 problems, pairs 0+0+0", lines.get(1), "what an earlier run did tells no rate");
    assertTrue(lines.get(12).matches("search: 3/10 problems, .* left"), lines.get(12));
    Matcher left = Pattern.compile("search: 6/10 problems, (\\d+) to (\\d+) s left").matcher(lines.get(41));
    assertTrue(left.matches(), lines.get(41));
    assertTrue(Integer.parseInt(left.group(1)) <= 40 && Integer.parseInt(left.group(2)) >= 40, lines.get(41));
    assertEquals("search: 7/10 problems, more, 12 to 20 min left", lines.get(42), "who knows better says it");
    assertEquals("search: 10/10 problems", lines.get(43));
  }

  @Test
  void betweenLinesNothingIsFormatted() {
    try (ProgressBars bars = new ProgressBars("train", new PrintWriter(text), false, 1000, System::nanoTime)) {
      bars.begin("train", "steps", 0, 3);
      bars.at(1, () -> {
        throw new AssertionError("nobody looks");
      });
    }
    assertEquals("", text.toString());
  }
}
