package dev.sphere.engine.cost;

import java.util.SplittableRandom;

/** How many results a run may bring in all, when pieces bring none, one or several. */
final class Yield {
  private static final int DRAWS = 200;
  private static final double PRIOR = 0.5; // weight of a piece without a result, and of one with two

  private Yield() {}

  /**
   * By the Bayesian bootstrap (Rubin 1981) over the finished pieces, with half a piece that brought nothing and half a one
   * that brought two: so nothing is certain as long as few are done.
   *
   * @param finished what each finished piece brought
   * @param found what the unfinished ones have brought already
   * @param left unfinished pieces
   */
  static Range of(int[] finished, int found, int left) {
    SplittableRandom random = new SplittableRandom(2);
    int known = found;
    for (int n : finished) {
      known += n;
    }
    double[] draws = new double[DRAWS];
    for (int i = 0; i < DRAWS; i++) {
      double weights = 0;
      double sum = 0;
      double square = 0;
      for (int n : finished) {
        double w = -Math.log(1 - random.nextDouble());
        weights += w;
        sum += w * n;
        square += w * n * n;
      }
      for (int n = 0; n <= 2; n += 2) { // Gamma(1/2): half the square of a normal
        double z = random.nextGaussian();
        double w = PRIOR * z * z;
        weights += w;
        sum += w * n;
        square += w * n * n;
      }
      double mean = sum / weights;
      double variance = Math.max(0, square / weights - mean * mean);
      double more = left * mean + Math.sqrt(left * variance) * random.nextGaussian();
      draws[i] = known + Math.max(0, more - found);
    }
    return Range.of(draws);
  }
}
