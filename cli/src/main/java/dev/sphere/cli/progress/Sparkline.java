package dev.sphere.cli.progress;

import java.nio.charset.Charset;
import java.util.ArrayList;
import java.util.List;

/** A curve in one line of text, for a terminal: the mean of each stretch of values, from the lowest to the highest. */
public final class Sparkline {
  private static final String BLOCKS = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588";
  private static final String ASCII = "_.-=+*%#";

  private final int width;
  private final String levels;
  /**
   * Sums and counts of stretches of equal length; neighbours are joined when there are twice as many as can be shown.
   */
  private final List<double[]> stretches = new ArrayList<>();
  private int each = 1;

  /** @param charset what the terminal shows; without block characters the curve is plain ASCII */
  Sparkline(int width, Charset charset) {
    this.width = width;
    this.levels = charset.newEncoder().canEncode(BLOCKS) ? BLOCKS : ASCII;
  }

  void add(double value) {
    if (stretches.isEmpty() || stretches.getLast()[1] == each) {
      stretches.add(new double[2]);
    }
    stretches.getLast()[0] += value;
    stretches.getLast()[1]++;
    if (stretches.size() > 2 * width) {
      for (int i = 0; i < width; i++) {
        double[] right = stretches.remove(i + 1);
        stretches.get(i)[0] += right[0];
        stretches.get(i)[1] += right[1];
      }
      each *= 2;
    }
  }

  @Override
  public String toString() {
    int shown = Math.min(width, stretches.size());
    double[] means = new double[shown];
    double low = Double.POSITIVE_INFINITY;
    double high = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < shown; i++) {
      double sum = 0;
      double count = 0;
      for (int k = i * stretches.size() / shown; k < (i + 1) * stretches.size() / shown; k++) {
        sum += stretches.get(k)[0];
        count += stretches.get(k)[1];
      }
      means[i] = sum / count;
      low = Math.min(low, means[i]);
      high = Math.max(high, means[i]);
    }
    StringBuilder line = new StringBuilder();
    for (double mean : means) {
      int level = high > low ? (int) Math.round((mean - low) / (high - low) * (levels.length() - 1)) : 0;
      line.append(levels.charAt(level));
    }
    return line.toString();
  }
}
