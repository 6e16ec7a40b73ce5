package dev.sphere.lab.soak;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The short form of {@code lab/run soak}, which also watches the process's memory. */
class RolloutSoakTest {
  @TempDir Path dir;

  @Test
  void treesInCachesThatAreTooSmallForThem() throws Exception {
    RolloutSoak.Result result = RolloutSoak.run(3, 7, dir); // seconds, or four rounds
    assertTrue(result.rounds() >= 4 && result.logProbs() > 1000, result::toString);
    assertTrue(result.compactions() > 0, result::toString);
    assertEquals(0, result.worst(), result::toString); // F32, BF16 and Q8_0: to the bit
  }
}
