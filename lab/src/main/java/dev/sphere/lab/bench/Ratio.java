package dev.sphere.lab.bench;

/**
 * A figure over its baseline.
 *
 * @param value the quotients, repetition by repetition; above 1 is better than the baseline
 * @param aim what was aimed at; NaN where a figure is only reported
 */
public record Ratio(Figure value, double aim) {
  static final double REPORTED = Double.NaN;

  public boolean hasAim() {
    return !Double.isNaN(aim);
  }

  public boolean reached() {
    return !hasAim() || value.median() >= aim;
  }
}
