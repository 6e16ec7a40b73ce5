package dev.sphere.engine.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** What the estimators promise, over all small cases or by simulation with fixed seeds. */
class EstimatorPropertiesTest {
  @Test
  void passAtKIsTheShareOfSubsetsWithARightSample() {
    for (int n = 1; n <= 10; n++) {
      for (int c = 0; c <= n; c++) {
        for (int k = 1; k <= n; k++) {
          int hit = 0;
          int all = 0;
          for (int set = 0; set < 1 << n; set++) {
            if (Integer.bitCount(set) == k) {
              all++;
              hit += (set & (1 << c) - 1) != 0 ? 1 : 0;
            }
          }
          assertEquals((double) hit / all, Statistics.passAtK(n, c, k), 1e-12, n + " " + c + " " + k);
        }
      }
    }
  }

  @Test
  void passAtKRisesWithKAndWithRightSamples() {
    for (int n : new int[] {1, 7, 64, 500}) {
      for (int c = 0; c <= n; c++) {
        double last = -1;
        for (int k = 1; k <= n; k++) {
          double p = Statistics.passAtK(n, c, k);
          assertTrue(p >= last - 1e-12 && p >= 0 && p <= 1, n + " " + c + " " + k);
          assertTrue(c == 0 || p >= Statistics.passAtK(n, c - 1, k) - 1e-12);
          last = p;
        }
        assertEquals(c > 0 ? 1 : 0, last, 1e-12);
      }
    }
  }

  /** The mean of the estimate over many draws of n samples is 1 - (1 - p)^k; the plug-in estimate 1 - (1 - c/n)^k is not. */
  @Test
  void passAtKIsUnbiased() {
    SplittableRandom random = new SplittableRandom(7);
    int runs = 40_000;
    for (double p : new double[] {0.05, 0.3, 0.8}) {
      int n = 10;
      int k = 4;
      double sum = 0;
      double squares = 0;
      double plugIn = 0;
      for (int r = 0; r < runs; r++) {
        int c = 0;
        for (int i = 0; i < n; i++) {
          c += random.nextDouble() < p ? 1 : 0;
        }
        double e = Statistics.passAtK(n, c, k);
        sum += e;
        squares += e * e;
        plugIn += 1 - Math.pow(1 - c / (double) n, k);
      }
      double mean = sum / runs;
      double error = Math.sqrt((squares / runs - mean * mean) / runs);
      double truth = 1 - Math.pow(1 - p, k);
      assertEquals(truth, mean, 4.5 * error, "p = " + p);
      assertTrue(Math.abs(plugIn / runs - truth) > 4.5 * error, "the plug-in estimate is biased, p = " + p);
    }
  }

  /** Wilson's 95 % interval covers the truth in about 95 % of draws; exact sums over the binomial distribution. */
  @Test
  void wilsonCoversNearlyAsOftenAsItSays() {
    for (int n : new int[] {30, 100, 500}) {
      double worst = 1;
      double mean = 0;
      int points = 0;
      for (double p = 0.02; p < 0.99; p += 0.013) {
        double covered = 0;
        double log = n * Math.log(1 - p);
        for (int c = 0; c <= n; c++) {
          Statistics.Interval i = Statistics.wilson(c, n, EvalResult.Z95);
          covered += i.low() <= p && p <= i.high() ? Math.exp(log) : 0;
          log += c < n ? Math.log((double) (n - c) / (c + 1)) + Math.log(p / (1 - p)) : 0;
        }
        worst = Math.min(worst, covered);
        mean += covered;
        points++;
      }
      assertTrue(worst > 0.87, n + ": " + worst);
      assertEquals(0.95, mean / points, 0.012, "n = " + n);
    }
  }

  /** Under the null hypothesis McNemar's p is at most 0.05 in no more than 5 % of cases (exact sums). */
  @Test
  void mcnemarKeepsItsLevel() {
    for (int n = 1; n <= 60; n++) {
      double rejected = 0;
      double log = -n * Math.log(2);
      for (int won = 0; won <= n; won++) {
        rejected += Statistics.mcnemar(won, n - won) <= 0.05 ? Math.exp(log) : 0;
        log += won < n ? Math.log((double) (n - won) / (won + 1)) : 0;
      }
      assertTrue(rejected <= 0.05 + 1e-9, n + ": " + rejected);
    }
  }
}
