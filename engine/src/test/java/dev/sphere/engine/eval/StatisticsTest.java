package dev.sphere.engine.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class StatisticsTest {
  @Test
  void passAtKEqualsTheShareOfSubsetsWithARightSample() {
    for (int n = 1; n <= 9; n++) {
      for (int c = 0; c <= n; c++) {
        for (int k = 1; k <= n; k++) {
          int subsets = 0;
          int hits = 0;
          for (int mask = 0; mask < 1 << n; mask++) {
            if (Integer.bitCount(mask) == k) {
              subsets++;
              hits += (mask & ((1 << c) - 1)) != 0 ? 1 : 0;
            }
          }
          assertEquals((double) hits / subsets, Statistics.passAtK(n, c, k), 1e-12);
        }
      }
    }
  }

  @Test
  void passAtKIsUnbiased() {
    SplittableRandom random = new SplittableRandom(7);
    double p = 0.23;
    double sum = 0;
    int rounds = 20_000;
    for (int r = 0; r < rounds; r++) {
      int c = 0;
      for (int i = 0; i < 12; i++) {
        c += random.nextDouble() < p ? 1 : 0;
      }
      sum += Statistics.passAtK(12, c, 4);
    }
    assertEquals(1 - Math.pow(1 - p, 4), sum / rounds, 0.01);
  }

  @Test
  void mcnemarIsTheBinomialTest() {
    assertEquals(1, Statistics.mcnemar(0, 0));
    assertEquals(2 * 1.0 / 32, Statistics.mcnemar(5, 0), 1e-12);
    assertEquals(2 * (1 + 10 + 45) / 1024.0, Statistics.mcnemar(2, 8), 1e-12);
    assertEquals(Statistics.mcnemar(2, 8), Statistics.mcnemar(8, 2), 0);
    assertEquals(1, Statistics.mcnemar(4, 4));
    // scipy.stats.binomtest(42, 157).pvalue
    assertEquals(4.9e-9, Statistics.mcnemar(115, 42), 0.6e-9);
    assertTrue(Statistics.mcnemar(900, 300) > 0 && Statistics.mcnemar(900, 300) < 1e-60);
  }

  @Test
  void wilsonMatchesPublishedValues() {
    // Newcombe 1998, table I, method 3
    Statistics.Interval i = Statistics.wilson(81, 263, 1.959963984540054);
    assertEquals(0.2553, i.low(), 5e-5);
    assertEquals(0.3662, i.high(), 5e-5);
    i = Statistics.wilson(0, 20, 1.959963984540054);
    assertEquals(0, i.low());
    assertEquals(0.1611, i.high(), 5e-5);
  }

  @Test
  void bootstrapCoversTheNormalIntervalAndRepeats() {
    SplittableRandom random = new SplittableRandom(3);
    double[] a = new double[400];
    double[] b = new double[400];
    double mean = 0;
    for (int i = 0; i < 400; i++) {
      a[i] = random.nextInt(2);
      b[i] = random.nextDouble() < 0.6 ? 1 : a[i];
      mean += (b[i] - a[i]) / 400;
    }
    double variance = 0;
    for (int i = 0; i < 400; i++) {
      variance += Math.pow(b[i] - a[i] - mean, 2) / 400;
    }
    double half = 1.96 * Math.sqrt(variance / 400);
    Statistics.Interval i = Statistics.pairedBootstrap(a, b, 10_000, 0.95, 11);
    assertEquals(mean - half, i.low(), 0.006);
    assertEquals(mean + half, i.high(), 0.006);
    assertEquals(i, Statistics.pairedBootstrap(a, b, 10_000, 0.95, 11));
    assertEquals(new Statistics.Interval(0, 0), Statistics.pairedBootstrap(a, a, 100, 0.95, 1));
  }

  /** The bounds of Clopper and Pearson, and an interval that says of 0 what McNemar's exact test says. */
  @Test
  void theIntervalOfWhatChangedAgreesWithItsTest() {
    // Clopper and Pearson, 95 %, of 10 in 10: 0.6915; of 7 in 10: 0.3475 to 0.9333.
    assertEquals((2 * 0.6915 - 1) * 10 / 40, Statistics.changedInterval(10, 0, 40, 0.95).low(), 5e-5);
    assertEquals(10.0 / 40, Statistics.changedInterval(10, 0, 40, 0.95).high(), 1e-12);
    assertEquals((2 * 0.3475 - 1) * 10 / 40, Statistics.changedInterval(7, 3, 40, 0.95).low(), 5e-5);
    assertEquals((2 * 0.9333 - 1) * 10 / 40, Statistics.changedInterval(7, 3, 40, 0.95).high(), 5e-5);
    assertEquals(new Statistics.Interval(0, 0), Statistics.changedInterval(0, 0, 40, 0.95));
    for (int won = 0; won <= 60; won++) {
      for (int lost = 0; lost <= 60; lost++) {
        Statistics.Interval i = Statistics.changedInterval(won, lost, 400, 0.95);
        boolean shown = i.low() > 0 || i.high() < 0;
        assertEquals(Statistics.mcnemar(won, lost) < 0.05, shown, won + " won, " + lost + " lost: " + i);
      }
    }
    Statistics.Interval many = Statistics.changedInterval(4_000, 3_000, 20_000, 0.95);
    double half = 1.96 * Math.sqrt(7_000) / 20_000; // far from the ends it is the normal one
    assertEquals(0.05 - half, many.low(), 2e-4);
    assertEquals(0.05 + half, many.high(), 2e-4);
  }

  @Test
  void refusesWhatIsNoProportion() {
    assertThrows(IllegalArgumentException.class, () -> Statistics.wilson(3, 2, 2));
    assertThrows(IllegalArgumentException.class, () -> Statistics.passAtK(4, 1, 5));
    assertThrows(IllegalArgumentException.class,
        () -> Statistics.pairedBootstrap(new double[1], new double[2], 10, 0.95, 1));
  }
}
