package dev.sphere.engine.eval;

import java.util.Arrays;
import java.util.SplittableRandom;

/** The statistics of evaluation. Proportions are in [0, 1]. */
public final class Statistics {
  /** An interval, both ends included. */
  public record Interval(double low, double high) {}

  private Statistics() {}

  /**
   * Wilson's score interval of a proportion (Wilson 1927).
   *
   * @param correct successes
   * @param n trials, at least 1
   * @param z normal quantile: 1.96 for 95 %
   */
  public static Interval wilson(int correct, int n, double z) {
    if (n < 1 || correct < 0 || correct > n) {
      throw new IllegalArgumentException("no proportion: " + correct + " of " + n);
    }
    double p = (double) correct / n;
    double z2 = z * z;
    double centre = (p + z2 / (2 * n)) / (1 + z2 / n);
    double half = z / (1 + z2 / n) * Math.sqrt(p * (1 - p) / n + z2 / (4.0 * n * n));
    return new Interval(correct == 0 ? 0 : centre - half, correct == n ? 1 : centre + half);
  }

  /**
   * The unbiased estimate of pass@k from n samples of which c are right: 1 - C(n-c, k) / C(n, k) (Chen et al. 2021,
   * arXiv 2107.03374, equation 1).
   */
  public static double passAtK(int n, int c, int k) {
    if (k < 1 || k > n || c < 0 || c > n) {
      throw new IllegalArgumentException("no pass@" + k + " from " + n + " samples with " + c + " right");
    }
    if (n - c < k) {
      return 1;
    }
    double fail = 1;
    for (int i = n - c + 1; i <= n; i++) {
      fail *= 1 - (double) k / i;
    }
    return 1 - fail;
  }

  /**
   * McNemar's exact test, two-sided: under the null each of the b + c problems that changed is a fair coin.
   *
   * @param won problems that only the second model solves
   * @param lost problems that only the first model solves
   * @return p, at most 1; 1 when nothing changed
   */
  public static double mcnemar(int won, int lost) {
    int n = won + lost;
    if (n == 0) {
      return 1;
    }
    int k = Math.min(won, lost);
    double log = -n * Math.log(2);
    double sum = 0;
    for (int i = 0; i <= k; i++) {
      sum += Math.exp(log);
      log += Math.log((double) (n - i) / (i + 1));
    }
    return Math.min(1, 2 * sum);
  }

  /**
   * The exact interval of the difference that belongs to {@link #mcnemar}: of the problems that changed, a share was
   * won, with the bounds of Clopper and Pearson (1934); the number that changed is taken as given. At 95 % it leaves 0
   * out where McNemar's p is below 0.05, and only there.
   *
   * @param won problems that only the second model solves
   * @param lost problems that only the first model solves
   * @param n all problems
   * @param level coverage, 0.95 say
   * @return the interval of (won - lost) / n; 0 to 0 when nothing changed
   */
  public static Interval changedInterval(int won, int lost, int n, double level) {
    double changed = won + lost;
    double tail = (1 - level) / 2;
    double low = lowestShare(won, won + lost, tail);
    double high = 1 - lowestShare(lost, won + lost, tail);
    return new Interval((2 * low * changed - changed) / n, (2 * high * changed - changed) / n);
  }

  /** The share p at which {@code k} or more of {@code m} have probability {@code tail}. */
  private static double lowestShare(int k, int m, double tail) {
    double low = 0;
    double high = k == 0 ? 0 : 1;
    for (int i = 0; i < 60; i++) {
      double middle = (low + high) / 2;
      if (atLeast(k, m, middle) < tail) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return high;
  }

  /** The probability that {@code k} or more of {@code m} happen, each with probability p, 0 &lt; p &lt; 1. */
  private static double atLeast(int k, int m, double p) {
    double log = m * Math.log1p(-p);
    double sum = 0;
    for (int i = 0; i <= m; i++) {
      sum += i >= k ? Math.exp(log) : 0;
      log += Math.log((double) (m - i) / (i + 1)) + Math.log(p) - Math.log1p(-p);
    }
    return sum;
  }

  /**
   * Percentile bootstrap of the mean difference, problems drawn in pairs with replacement.
   *
   * @param first score of each problem under the first model, in [0, 1]
   * @param second the same problems under the second model
   * @param resamples how many times to draw, 10,000 say
   * @param level coverage, 0.95 say
   * @param seed of the draws: the same seed gives the same interval
   * @return the interval of mean(second) - mean(first)
   */
  public static Interval pairedBootstrap(
      double[] first, double[] second, int resamples, double level, long seed) {
    int n = first.length;
    if (n == 0 || second.length != n || resamples < 1 || !(level > 0 && level < 1)) {
      throw new IllegalArgumentException("pairs of scores are needed: " + n + " and " + second.length);
    }
    SplittableRandom random = new SplittableRandom(seed);
    double[] means = new double[resamples];
    for (int r = 0; r < resamples; r++) {
      double sum = 0;
      for (int i = 0; i < n; i++) {
        int j = random.nextInt(n);
        sum += second[j] - first[j];
      }
      means[r] = sum / n;
    }
    Arrays.sort(means);
    double tail = (1 - level) / 2;
    return new Interval(quantile(means, tail), quantile(means, 1 - tail));
  }

  private static double quantile(double[] sorted, double q) {
    double at = q * (sorted.length - 1);
    int i = (int) at;
    return i + 1 < sorted.length ? sorted[i] + (at - i) * (sorted[i + 1] - sorted[i]) : sorted[i];
  }
}
