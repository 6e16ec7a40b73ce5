package dev.sphere.bindings.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.bindings.kernel.ReferenceSampler.Distribution;
import dev.sphere.bindings.load.LlamaException;
import dev.sphere.bindings.tensor.NativeFloats;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The sampling kernel against its plain Java reference: odd sizes, extremes, filters, distribution, threads. */
class SamplingTest {
  private static final float INF = Float.POSITIVE_INFINITY;

  /** temperature, top-k, top-p, min-p. */
  private static final float[][] SETTINGS = {
    {1, 0, 1, 0}, {0.8f, 0, 1, 0}, {0, 0, 1, 0}, {1.5f, 5, 1, 0}, {0.7f, 0, 0.9f, 0}, {1, 0, 1, 0.1f},
    {0.6f, 20, 0.95f, 0.02f}, {1, 1, 1, 0}, {0.9f, 100_000, 0.5f, 0}, {2, 0, 0.99f, 0}, {0.05f, 3, 0.3f, 0.5f},
  };

  /** Filters that leave hundreds to tens of thousands of flat logits. */
  private static final float[][] MANY = {
    {1, 0, 0.95f, 0}, {0.8f, 0, 0.95f, 0}, {1.3f, 0, 0.5f, 0}, {1, 0, 0.999f, 0}, {1, 0, 0.9f, 0.2f},
    {0.9f, 0, 1, 0.15f}, {1, 0, 1, 1e-9f}, {1, 513, 1, 0}, {0.7f, 3000, 1, 0}, {1, 3000, 0.8f, 0},
    {0.6f, 4000, 0.95f, 0.1f}, {0.1f, 100_000, 0.99f, 0}, {3, 600, 0.999f, 1e-3f},
  };

  @Test
  void drawsAndLogProbabilitiesEqualTheReference() {
    // A block of the kernel has 768 logits; the maximum of the block after next is taken beside a block's sums.
    for (int size : new int[] {1, 2, 3, 15, 16, 17, 255, 767, 768, 769, 1000, 2303, 2304, 2305, 32_003, 151_936}) {
      Random random = new Random(size);
      int rows = size > 10_000 ? 2 : 9;
      float[] all = new float[size * rows];
      for (int i = 0; i < all.length; i++) {
        all[i] = (float) random.nextGaussian() * (i / size % 3 == 0 ? 0.5f : 6f);
      }
      compare(all, size, rows, SETTINGS);
    }
  }

  @Test
  void filtersThatLeaveManyTokensEqualTheReference() {
    for (int size : new int[] {513, 577, 5000, 151_936}) {
      Random random = new Random(size);
      float[][] rows = new float[size < 10_000 ? 8 : 3][size];
      for (int i = 0; i < size; i++) {
        double normal = random.nextGaussian();
        float[] row = {
          (float) (0.5 * normal), // a model of random weights
          (float) (5 + 0.02 * normal),
          Math.round(4 * normal) / 4f, // many ties
          normal > 1 ? -1e30f : (float) normal, // masked
          i % 3 == 0 ? -INF : (float) (0.3 * normal),
          i == size / 2 ? 3e38f : -3e38f, // a difference beyond F32
          i % 2 == 0 ? 0f : -0f,
          (float) -Math.pow(10, 20 * random.nextDouble() - 18), // steps of one width tell most apart only late
        };
        for (int r = 0; r < rows.length; r++) {
          rows[r][i] = row[r];
        }
      }
      compare(concat(rows), size, rows.length, MANY);
    }
  }

  private static float[] concat(float[][] rows) {
    float[] all = new float[rows.length * rows[0].length];
    for (int r = 0; r < rows.length; r++) {
      System.arraycopy(rows[r], 0, all, r * rows[r].length, rows[r].length);
    }
    return all;
  }

  @Test
  void extremesEqualTheReference() {
    int size = 700;
    float[][] rows = new float[7][size];
    Arrays.fill(rows[0], 3f); // all equal
    Arrays.fill(rows[1], -INF);
    rows[1][699] = -5f; // one possible token
    Arrays.fill(rows[2], -3e38f);
    rows[2][5] = 3e38f;
    Arrays.fill(rows[3], -1e4f);
    rows[3][0] = 1e4f;
    rows[3][699] = 1e4f; // two that are far ahead
    for (int i = 0; i < size; i++) {
      rows[4][i] = -i * 0.5f; // beyond what F32 exp can hold
      rows[5][i] = i % 2 == 0 ? -INF : 0.01f * i;
      rows[6][i] = i % 7; // many ties
    }
    compare(concat(rows), size, 7, SETTINGS);
  }

  private static void compare(float[] all, int size, int rows, float[][] settings) {
    try (NativeFloats logits = NativeFloats.allocate(all.length);
        Draws draws = new Draws(rows * settings.length);
        TargetLogProbs targets = new TargetLogProbs(rows * settings.length)) {
      logits.write(0, all);
      for (int r = 0; r < rows; r++) {
        for (float[] s : settings) {
          draws.add(r, 5, 6, r, 7, draws.size(), s[0], (int) s[1], s[2], s[3]);
        }
      }
      draws.sample(logits, size, 2);
      for (int i = 0; i < draws.size(); i++) {
        float[] row = Arrays.copyOfRange(all, i / settings.length * size, (i / settings.length + 1) * size);
        float[] s = settings[i % settings.length];
        String what = "size " + size + ", row " + i / settings.length + ", " + Arrays.toString(s);
        int token = draws.token(i);
        double logProb = ReferenceSampler.logProb(row, token);
        assertEquals(logProb, draws.logProb(i), 3e-6 * (1 + Math.abs(logProb)), what);
        if (s[0] == 0) {
          int best = 0;
          for (int t = 0; t < size; t++) {
            best = row[t] > row[best] ? t : best;
          }
          assertEquals(best, token, what);
          assertEquals(0f, draws.samplingLogProb(i), what);
        } else {
          Distribution d = ReferenceSampler.distribution(row, s[0], (int) s[1], s[2], s[3]);
          double u = ReferenceSampler.uniform(5, 6, i / settings.length, 7, i);
          int expected = ReferenceSampler.draw(d, u);
          if (expected != token) { // u falls on a border, closer than F32 sums can tell
            assertTrue(nearBorder(d, u), what + ": " + token + " instead of " + expected);
          }
          double sampling = Math.log(d.of(token));
          assertEquals(sampling, draws.samplingLogProb(i), 2e-5 * (1 + Math.abs(sampling)), what);
        }
        targets.add(i / settings.length, token);
      }
      targets.compute(logits, size, 2);
      for (int i = 0; i < draws.size(); i++) {
        assertEquals(draws.logProb(i), targets.logProb(i), "the two kernels add alike");
      }
    }
  }

  private static boolean nearBorder(Distribution d, double u) {
    double sum = 0;
    for (double p : d.probabilities()) {
      sum += p;
      if (Math.abs(sum - u) < 1e-6) {
        return true;
      }
    }
    return false;
  }

  @Test
  void drawsFollowTheDistribution() {
    follow(40, 2, new float[][] {{1, 0, 1, 0}, {0.7f, 0, 1, 0}, {1.3f, 20, 0.9f, 0.05f}});
    follow(1200, 0.5f, new float[][] {{1.5f, 0, 0.9f, 0}, {0.9f, 700, 1, 0}, {1, 0, 1, 0.3f}}); // not sorted
  }

  private static void follow(int size, float spread, float[][] settings) {
    int n = 40_000;
    float[] row = new float[size];
    for (int i = 0; i < size; i++) {
      row[i] = (float) Math.sin(i * 1.7) * spread;
    }
    for (float[] s : settings) {
      int[] counts = new int[size];
      try (NativeFloats logits = NativeFloats.allocate(size);
          Draws draws = new Draws(n)) {
        logits.write(0, row);
        for (int i = 0; i < n; i++) {
          draws.add(0, 77, 3, i / 200, i % 20, i / 20 % 10, s[0], (int) s[1], s[2], s[3]);
        }
        draws.sample(logits, size, 2);
        for (int i = 0; i < n; i++) {
          counts[draws.token(i)]++;
        }
      }
      Distribution d = ReferenceSampler.distribution(row, s[0], (int) s[1], s[2], s[3]);
      double chi = 0;
      for (int i = 0; i < size; i++) {
        double expected = n * d.of(i);
        assertTrue(expected > 0 || counts[i] == 0, "token " + i + " was filtered out");
        chi += expected == 0 ? 0 : (counts[i] - expected) * (counts[i] - expected) / expected;
      }
      int freedom = d.tokens().size() - 1;
      // The 99.99 % quantile of chi-squared (Wilson and Hilferty 1931); the stream is fixed, so this never flickers.
      double q = freedom * Math.pow(1 - 2.0 / (9 * freedom) + 3.719 * Math.sqrt(2.0 / (9 * freedom)), 3);
      assertTrue(chi < q, "chi-squared " + chi + " with " + freedom + " degrees of freedom; 99.99 %: " + q);
    }
  }

  @Test
  void philoxGivesTheNumbersOfItsPaper() {
    // Random123's known answers for philox4x32-10; the kernel is compared with this reference in every other test.
    long zeros = (long) (ReferenceSampler.uniformWithKey(0, 0, 0, 0) * 0x1p53);
    assertEquals((0x6627e8d5L >>> 5 << 26) | (0xe169c58dL >>> 6), zeros);
    long ones = (long) (ReferenceSampler.uniformWithKey(-1, -1, -1, -1) * 0x1p53);
    assertEquals((0x408f276dL >>> 5 << 26) | (0x41c83b0eL >>> 6), ones);
  }

  @Test
  void resultsDoNotDependOnThreads() {
    int size = 5000;
    float[] all = new float[20 * size];
    Random random = new Random(1);
    for (int i = 0; i < all.length; i++) {
      all[i] = (float) random.nextGaussian() * 4;
    }
    int[][] tokens = new int[3][20];
    float[][] logProbs = new float[3][20];
    for (int threads = 1; threads <= 3; threads++) {
      try (NativeFloats logits = NativeFloats.allocate(all.length);
          Draws draws = new Draws(20)) {
        logits.write(0, all);
        for (int r = 0; r < 20; r++) {
          draws.add(r, 1, 2, 3, r, 0, 0.9f, 0, r % 2 == 0 ? 1f : 0.95f, 0);
        }
        draws.sample(logits, size, threads);
        for (int r = 0; r < 20; r++) {
          tokens[threads - 1][r] = draws.token(r);
          logProbs[threads - 1][r] = draws.logProb(r);
        }
      }
    }
    assertTrue(Arrays.deepEquals(new int[][] {tokens[0], tokens[0], tokens[0]}, tokens));
    assertTrue(Arrays.deepEquals(new float[][] {logProbs[0], logProbs[0], logProbs[0]}, logProbs));
  }

  @Test
  void badRowsAreNamed() {
    float[] row = new float[600];
    row[333] = Float.NaN;
    assertTrue(failure(row, 1f).contains("row 1 of the logits holds NaN"), failure(row, 1f));
    assertTrue(failure(row, 0f).contains("row 1 of the logits holds NaN"), failure(row, 0f));
    Arrays.fill(row, Float.NaN);
    assertTrue(failure(row, 1f).contains("row 1 of the logits holds NaN"), failure(row, 1f));
    Arrays.fill(row, -INF);
    assertTrue(failure(row, 1f).contains("row 1 of the logits gives no token any probability"), failure(row, 1f));
  }

  private static String failure(float[] row, float temperature) {
    try (NativeFloats logits = NativeFloats.allocate(2L * row.length);
        Draws draws = new Draws(2)) {
      logits.write(row.length, row);
      draws.add(0, 1, 2, 3, 4, 5, temperature, 0, 1, 0);
      draws.add(1, 1, 2, 3, 4, 5, temperature, 0, 1, 0);
      return assertThrows(LlamaException.class, () -> draws.sample(logits, row.length, 1)).getMessage();
    }
  }

  @Test
  void infiniteLogitsShareAllProbability() {
    float[] row = new float[600];
    row[10] = INF;
    row[500] = INF;
    int[] counts = new int[600];
    try (NativeFloats logits = NativeFloats.allocate(600);
        Draws draws = new Draws(200)) {
      logits.write(0, row);
      for (int i = 0; i < 200; i++) {
        draws.add(0, 1, 2, 3, 4, i, i % 2 == 0 ? 1f : 0.5f, 0, 1, 0);
      }
      draws.sample(logits, 600, 1);
      for (int i = 0; i < 200; i++) {
        counts[draws.token(i)]++;
        assertEquals(Math.log(0.5), draws.logProb(i), 1e-6);
      }
    }
    assertEquals(200, counts[10] + counts[500]);
    assertTrue(counts[10] > 60 && counts[500] > 60, counts[10] + " and " + counts[500]);
  }
}
