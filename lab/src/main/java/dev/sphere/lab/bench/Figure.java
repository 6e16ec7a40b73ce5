package dev.sphere.lab.bench;

import java.util.Arrays;
import java.util.List;

/**
 * One thing that was measured several times.
 *
 * @param name what
 * @param unit of the samples
 * @param samples one a repetition, in the order in which they were taken
 */
public record Figure(String name, String unit, List<Double> samples) {
  public Figure {
    if (samples.isEmpty()) {
      throw new IllegalArgumentException(name + " was not measured");
    }
    samples = List.copyOf(samples);
  }

  static Figure of(String name, String unit, double[] samples) {
    return new Figure(name, unit, Arrays.stream(samples).boxed().toList());
  }

  /** The middle sample; of an even number the mean of the two in the middle. */
  public double median() {
    double[] sorted = sorted();
    int half = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  }

  public double low() {
    return sorted()[0];
  }

  public double high() {
    return sorted()[samples.size() - 1];
  }

  /** Half the distance of the extremes as a share of the median. */
  public double spread() {
    return median() == 0 ? 0 : (high() - low()) / 2 / median();
  }

  private double[] sorted() {
    double[] sorted = samples.stream().mapToDouble(Double::doubleValue).toArray();
    Arrays.sort(sorted);
    return sorted;
  }

  /** This over another one, repetition by repetition: what drifts on a machine meets both. */
  public Figure over(Figure other, String name) {
    double[] ratios = new double[Math.min(samples.size(), other.samples.size())];
    for (int i = 0; i < ratios.length; i++) {
      ratios[i] = samples.get(i) / other.samples.get(i);
    }
    return of(name, "x", ratios);
  }
}
