package dev.sphere.engine.cost;

import java.util.random.RandomGenerator;

/**
 * What a piece of work may cost, learnt from pieces that are done and from pieces that are not: of many that run at once
 * the cheap ones are done first, so that the mean of what is done says too little. A piece that has cost so much already
 * and goes on counts as one that costs more than that (a right-censored observation).
 *
 * <p>Costs are taken as log-normal. Its two parameters are unknown: a grid of both, weighted by a wide prior (the mean around
 * {@code expected}, a factor of 2.7 either way is one standard deviation; the spread around 0.5, likewise) and by the
 * likelihood. With nothing done it
 * says what is expected, widely; with thirty done, what they cost.
 *
 * @see <a href="https://doi.org/10.1080/01621459.1958.10501452">Kaplan, Meier (1958): why unfinished observations count</a>
 */
final class Costs {
  private static final int MEANS = 61;
  private static final double STEP = 0.15; // of the logarithm
  private static final double PRIOR = 1;
  private static final double USUAL_SPREAD = 0.5; // of the logarithm of what problems cost
  private static final double[] SPREADS = {0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0, 1.3};

  private final double[] means = new double[MEANS];
  private final double[] cumulative = new double[MEANS * SPREADS.length];

  /**
   * @param expected a first guess; above 0
   * @param done what the finished pieces cost; those of 0 are left out
   * @param going what the unfinished ones have cost up to now
   */
  Costs(double expected, double[] done, double[] going) {
    double n = 0;
    double sum = 0;
    double square = 0;
    for (double cost : done) {
      if (cost > 0) {
        n++;
        sum += Math.log(cost);
        square += Math.log(cost) * Math.log(cost);
      }
    }
    // The grid lies around what was seen, and reaches from there.
    double centre = Math.log(expected);
    double middle = n == 0 ? Math.max(centre, Math.log(Math.max(1, highest(going)))) : sum / n;
    double[] weights = new double[cumulative.length];
    double best = Double.NEGATIVE_INFINITY;
    for (int m = 0; m < MEANS; m++) {
      double mean = middle + (m - MEANS / 2) * STEP;
      means[m] = mean;
      for (int s = 0; s < SPREADS.length; s++) {
        double spread = SPREADS[s];
        double off = (mean - centre) / PRIOR;
        double unusual = Math.log(spread / USUAL_SPREAD);
        double log = -off * off / 2 - unusual * unusual / 2 - n * Math.log(spread) - (square - 2 * mean * sum + n * mean * mean) / (2 * spread * spread);
        for (double cost : going) {
          log += cost > 0 ? logAbove((Math.log(cost) - mean) / spread) : 0;
        }
        weights[m * SPREADS.length + s] = log;
        best = Math.max(best, log);
      }
    }
    double all = 0;
    for (int i = 0; i < weights.length; i++) {
      all += Math.exp(weights[i] - best);
      cumulative[i] = all;
    }
  }

  private static double highest(double[] values) {
    double most = 0;
    for (double value : values) {
      most = Math.max(most, value);
    }
    return most;
  }

  /** Mean and spread of the logarithm, drawn from what they may be. */
  double[] draw(RandomGenerator random) {
    double at = random.nextDouble() * cumulative[cumulative.length - 1];
    int i = 0;
    while (cumulative[i] < at) {
      i++;
    }
    return new double[] {means[i / SPREADS.length], SPREADS[i % SPREADS.length]};
  }

  /** What a piece may cost that has cost {@code spent} and goes on. */
  double cost(double[] law, double spent, RandomGenerator random) {
    double z;
    if (spent <= 0) {
      z = random.nextGaussian();
    } else {
      double from = (Math.log(spent) - law[0]) / law[1];
      z = from < 4 ? quantile(1 - (1 - random.nextDouble()) * above(from)) : from - Math.log(1 - random.nextDouble()) / from;
      z = Math.max(z, from);
    }
    return Math.max(spent, Math.exp(law[0] + law[1] * z));
  }

  /** The sum of many new pieces, by the law of large numbers. */
  double sum(double[] law, int n, RandomGenerator random) {
    double mean = Math.exp(law[0] + law[1] * law[1] / 2);
    double deviation = mean * Math.sqrt(Math.expm1(law[1] * law[1]));
    return Math.max(0, n * mean + Math.sqrt(n) * deviation * random.nextGaussian());
  }

  /** The share of a standard normal above z. */
  private static double above(double z) {
    return z < 0 ? 1 - above(-z) : tail(z) * Math.exp(-z * z / 2);
  }

  private static double logAbove(double z) {
    return z < 0 ? Math.log1p(-above(-z)) : Math.log(tail(z)) - z * z / 2;
  }

  /** {@code above(z) / exp(-z²/2)} for z >= 0 (Abramowitz, Stegun 7.1.26; off by 1.5e-7 of the share). */
  private static double tail(double z) {
    if (z > 3) { // the continued fraction's beginning: the polynomial's error is as large as the share there
      return 1 / (Math.sqrt(2 * Math.PI) * (z + 1 / (z + 2 / (z + 3 / z))));
    }
    double t = 1 / (1 + 0.3275911 * z / Math.sqrt(2));
    return 0.5 * t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  }

  /** The standard normal's quantile, by bisection: seven figures are plenty. */
  private static double quantile(double share) {
    double low = -8;
    double high = 8;
    for (int i = 0; i < 40; i++) {
      double middle = (low + high) / 2;
      if (1 - above(middle) < share) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return (low + high) / 2;
  }
}
