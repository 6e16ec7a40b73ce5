package dev.sphere.gguf.make;

import dev.sphere.base.SplitMix;
import java.util.stream.IntStream;

/** Normally distributed weights: each is a function of (seed, tensor, index) alone. */
final class RandomWeights {
  private static final int STRIPE = 1 << 15;
  /** 65,536 equally likely values of the standard normal distribution: its quantiles at (i + 1/2) / 65536. */
  private static final float[] QUANTILES = new float[1 << 16];

  static {
    // Newton's method on the distribution function, from the median outwards; each start is the neighbour's value.
    double x = 0;
    for (int i = 1 << 15; i < 1 << 16; i++) {
      double wanted = (i + 0.5) / (1 << 16);
      for (int step = 0; step < 50; step++) {
        double move = (upTo(x) - wanted) / density(x);
        x -= move;
        if (Math.abs(move) < 1e-12) {
          break;
        }
      }
      QUANTILES[i] = (float) x;
      QUANTILES[(1 << 16) - 1 - i] = (float) -x;
    }
  }

  private final long seed;

  RandomWeights(long seed) {
    this.seed = seed;
  }

  /** The key of the draws of one tensor. */
  long key(int tensor) {
    return SplitMix.mix(seed ^ SplitMix.mix(tensor + SplitMix.STEP));
  }

  /**
   * Elements {@code at} to {@code at + count} of a tensor, in parallel stripes.
   *
   * @param at a multiple of 4
   * @param deviation the standard deviation; the mean is 0
   */
  void fill(float[] target, int count, int tensor, long at, float deviation) {
    long key = key(tensor);
    IntStream.range(0, (count + STRIPE - 1) / STRIPE).parallel().forEach(stripe -> {
      int end = Math.min(count, (stripe + 1) * STRIPE);
      for (int i = stripe * STRIPE; i < end; i += 4) {
        // 64 random bits are four 16-bit places in the normal distribution's table of quantiles.
        long bits = SplitMix.mix(key + (at + i) / 4 * SplitMix.STEP);
        for (int j = i; j < Math.min(end, i + 4); j++, bits >>>= 16) {
          target[j] = deviation * QUANTILES[(int) (bits & 0xFFFF)];
        }
      }
    });
  }

  private static double density(double x) {
    return Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
  }

  /** The distribution function by its series: 1/2 + density x (x + x^3/3 + x^5/15 + ...). */
  private static double upTo(double x) {
    double term = x;
    double sum = x;
    for (int n = 3; n < 200 && Math.abs(term) > 1e-17 * Math.abs(sum); n += 2) {
      term *= x * x / n;
      sum += term;
    }
    return 0.5 + density(x) * sum;
  }
}
