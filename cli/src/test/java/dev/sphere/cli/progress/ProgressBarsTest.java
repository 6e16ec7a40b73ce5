package dev.sphere.cli.progress;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.sphere.engine.Progress;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ProgressBarsTest {
  private final StringWriter text = new StringWriter();

  @Test
  void linesSayTaskCountWordsAndTimeLeft() {
    long[] now = {0};
    try (ProgressBars bars = new ProgressBars("evolve", new PrintWriter(text), null, 0, 0, () -> now[0])) {
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
    assertEquals("search: 7/10 problems, 24 s left, more", lines.get(42));
    assertEquals("search: 10/10 problems", lines.get(43));
  }

  /** A terminal of so many columns, as far as a bar and notes use it: carriage returns, line feeds, wrapping. */
  private static List<String> screen(String printed, int columns) {
    List<StringBuilder> lines = new ArrayList<>(List.of(new StringBuilder()));
    int at = 0;
    for (char c : printed.toCharArray()) {
      if (c == '\r') {
        at = 0;
        continue;
      }
      if (c == '\n' || at == columns) {
        lines.add(new StringBuilder());
        at = 0;
      }
      if (c != '\n') {
        StringBuilder line = lines.getLast();
        line.replace(at, Math.min(at + 1, line.length()), String.valueOf(c));
        at++;
      }
    }
    return lines.stream().map(l -> l.toString().stripTrailing()).toList();
  }

  /** However often the bar is drawn, it takes one line of the terminal, with one estimate; a note has a line of its own. */
  @ParameterizedTest
  @ValueSource(ints = {80, 100})
  void aBarKeepsToItsLine(int columns) {
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    PrintStream out = new PrintStream(printed, true, StandardCharsets.UTF_8);
    long[] now = {0};
    try (ProgressBars bars = new ProgressBars("search", new PrintWriter(out), out, columns - 1, 0.5, () -> now[0])) {
      bars.begin("search", "problems", 0, 4000);
      for (int done = 1; done <= 40; done++) {
        now[0] += 1_000_000_000L;
        int shorter = done;
        String words = "pairs 1203+40+12, 12345 tokens/s, and more words than a terminal has room for".substring(done);
        bars.at(done, () -> words);
        if (done == 20) {
          bars.note("3 lines are damaged");
        }
      }
    }
    List<String> screen = screen(printed.toString(StandardCharsets.UTF_8), columns);
    assertEquals(List.of("search: 3 lines are damaged", "search [                    ] 40/4000 problems, 66 min left, "
        + (columns == 80 ? "re words than a..." : "re words than a terminal has room for"), ""), screen);
  }

  @Test
  void betweenLinesNothingIsFormatted() {
    try (ProgressBars bars = new ProgressBars("train", new PrintWriter(text), null, 0, 1000, System::nanoTime)) {
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
