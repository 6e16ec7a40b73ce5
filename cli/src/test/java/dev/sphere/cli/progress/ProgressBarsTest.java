package dev.sphere.cli.progress;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.sphere.engine.Progress;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class ProgressBarsTest {
  private final StringWriter text = new StringWriter();

  @Test
  void linesSayTaskCountWordsAndTimeLeft() {
    long[] now = {0};
    try (ProgressBars bars = new ProgressBars("evolve", new PrintWriter(text), null, 0, () -> now[0])) {
      bars.note("found nothing damaged");
      bars.begin("search", "problems", 2, 10);
      bars.at(2, () -> "pairs 0+0+0");
      for (int second = 1; second <= 40; second++) {
        now[0] = second * 1_000_000_000L;
        bars.at(2 + second / 10, () -> "");
      }
      bars.at(7, () -> "more");
      bars.at(10, () -> "");
    }
    List<String> lines = text.toString().lines().toList();
    assertEquals("evolve: found nothing damaged", lines.get(0));
    assertEquals("search: 2/10 problems, pairs 0+0+0", lines.get(1), "what an earlier run did tells no rate");
    assertEquals("search: 3/10 problems, 77 s left", lines.get(12), "11 s for one, and seven are left");
    assertEquals("search: 6/10 problems, 40 s left", lines.get(41));
    assertEquals("search: 7/10 problems, more, 24 s left", lines.get(42));
    assertEquals("search: 10/10 problems", lines.get(43));
  }

  @Test
  void betweenLinesNothingIsFormatted() {
    try (ProgressBars bars = new ProgressBars("train", new PrintWriter(text), null, 1000, System::nanoTime)) {
      bars.begin("train", "steps", 0, 3);
      bars.at(1, () -> {
        throw new AssertionError("nobody looks");
      });
    }
    assertEquals("", text.toString());
  }

  @Test
  void timesHaveAUnitThatSuitsThem() {
    assertEquals(List.of("0 s", "89 s", "1.5 min", "10 min", "89 min", "1.5 h", "30 h"),
        Stream.of(0.2, 89.0, 90.0, 600.0, 5340.0, 5400.0, 108_000.0).map(Progress::time).toList());
  }
}
