package dev.sphere.cli.progress;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import org.junit.jupiter.api.Test;

class ProgressBarsTest {
  private final StringWriter text = new StringWriter();

  @Test
  void linesSayTaskCountWordsAndTimeLeft() {
    try (ProgressBars bars = new ProgressBars("evolve", new PrintWriter(text), false, 0)) {
      bars.note("found nothing damaged");
      bars.begin("search", "problems", 2, 10);
      bars.at(2, () -> "pairs 0+0+0");
      bars.at(6, () -> "");
    }
    List<String> lines = text.toString().lines().toList();
    assertEquals("evolve: found nothing damaged", lines.get(0));
    assertEquals("search: 2/10 problems, pairs 0+0+0", lines.get(1), "what an earlier run did tells no rate");
    assertTrue(lines.get(2).matches("search: 6/10 problems, \\d+ s left"), lines.get(2));
  }

  @Test
  void betweenLinesNothingIsFormatted() {
    try (ProgressBars bars = new ProgressBars("train", new PrintWriter(text), false, 1000)) {
      bars.begin("train", "steps", 0, 3);
      bars.at(1, () -> {
        throw new AssertionError("nobody looks");
      });
    }
    assertEquals("", text.toString());
  }
}
