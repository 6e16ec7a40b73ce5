package dev.sphere.lab.problems;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.sphere.base.Sha256;
import dev.sphere.engine.embedded.ProblemSource;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;

/** The engine's problem sets are what the generators make, byte for byte. */
class EmbeddedSetsTest {
  @Test
  void theCarriedSetsAreMadeAgain() throws IOException {
    Map<String, String> sets = EmbeddedSets.all();
    for (Map.Entry<String, String> set : sets.entrySet()) {
      byte[] made = set.getValue().getBytes(StandardCharsets.UTF_8);
      try (var packed = ProblemSource.class.getResourceAsStream(set.getKey() + ".jsonl.gz");
          var carried = new GZIPInputStream(packed)) {
        assertArrayEquals(made, carried.readAllBytes(), set.getKey());
      }
    }
    String sums = sets.entrySet().stream()
        .map(s -> Sha256.of(s.getValue().getBytes(StandardCharsets.UTF_8)) + "  " + s.getKey() + ".jsonl\n")
        .collect(Collectors.joining());
    try (var carried = ProblemSource.class.getResourceAsStream("sets.sha256")) {
      assertEquals(sums, new String(carried.readAllBytes(), StandardCharsets.UTF_8));
    }
  }
}
