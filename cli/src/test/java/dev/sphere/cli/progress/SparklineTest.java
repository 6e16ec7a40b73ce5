package dev.sphere.cli.progress;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class SparklineTest {
  @Test
  void aFallingLossFallsFromLeftToRight() {
    Sparkline line = new Sparkline(8, StandardCharsets.UTF_8);
    for (int i = 0; i < 8; i++) {
      line.add(7 - i);
    }
    assertEquals("\u2588\u2587\u2586\u2585\u2584\u2583\u2582\u2581", line.toString());
  }

  @Test
  void longCurvesKeepTheirShapeAndPlainTerminalsSeeAscii() {
    Sparkline line = new Sparkline(4, StandardCharsets.US_ASCII);
    assertEquals("", line.toString());
    line.add(3);
    assertEquals("_", line.toString());
    for (int i = 1; i < 1000; i++) {
      line.add(i < 500 ? 3 : 10);
    }
    String shown = line.toString();
    assertEquals(4, shown.length());
    assertEquals('_', shown.charAt(0));
    assertEquals('#', shown.charAt(3));
  }
}
