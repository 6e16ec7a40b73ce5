package dev.sphere.lab.study;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.lab.study.Sampled.Difference;
import dev.sphere.lab.study.Sampled.Figures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SampledTest {
  @Test
  void readsTheSamplesAndNotTheGreedyAnswer(@TempDir Path dir) throws IOException {
    String row = "{\"problemId\":\"%s\",\"sample\":%d,\"answer\":\"%s\",\"correct\":%s,\"tokens\":3,\"truncated\":false}\n";
    Path file = Files.writeString(dir.resolve("a.jsonl"), row.formatted("p", -1, "7", true) + row.formatted("p", 0, "5", false)
        + row.formatted("p", 1, "7", true) + row.formatted("p", 2, "5", false) + row.formatted("p", 3, "6", false)
        + row.formatted("q", 0, "1", false) + row.formatted("q", 1, "2", true) + row.formatted("q", 2, "2", true)
        + row.formatted("q", 3, "3", false));
    assertEquals(Map.of("p", new Figures(0.25, 1, 0), "q", new Figures(0.5, 1, 1)), Sampled.read(file));
  }

  @Test
  void sharpeningMovesTheMeanAndNotPassAtK() {
    Map<String, Figures> base = new TreeMap<>();
    Map<String, Figures> sharper = new TreeMap<>();
    for (int i = 0; i < 200; i++) {
      base.put("p" + i, new Figures(0.4, i % 4 == 0 ? 0 : 1, i % 2));
      sharper.put("p" + i, new Figures(i % 3 == 0 ? 0.4 : 0.7, i % 4 == 0 ? 0 : 1, i % 2));
    }
    Map<String, Difference> d = Sampled.compare(base, sharper);
    assertEquals(100 * 0.3 * 133 / 200, d.get("mean@k").value(), 1e-9);
    assertTrue(d.get("mean@k").low() > 15 && d.get("mean@k").low() < 19.9 && d.get("mean@k").high() < 25, d.toString());
    assertEquals(new Difference(0, 0, 0), d.get("pass@k"));
    sharper.remove("p0");
    assertThrows(IllegalArgumentException.class, () -> Sampled.compare(base, sharper));
  }
}
