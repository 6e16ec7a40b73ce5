package dev.sphere.engine.cost;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;

/**
 * How fast work goes: it is told how much was done when, and says how fast the rest may go.
 *
 * <p>Time is cut into at most {@value #MOST} stretches of equal length, which double when there are more. The logarithms of
 * their rates tell how much the pace changes. What is to come is drawn around their mean, with the spread of that mean
 * and of the mean of what is still to come. Neighbouring stretches resemble each other (another program runs for minutes),
 * so at most {@value #INDEPENDENT} of either side count. The first stretch is left out when there are enough: in it a
 * machine warms up. What was told a few times only may be far off: the spread of one telling falls with the root of their
 * number. Not thread-safe.
 */
public final class Pace {
  private static final int MOST = 24;
  private static final int INDEPENDENT = 6;
  private static final double LEAST_SPREAD = 0.04; // of the logarithm: no machine is steadier than this for long
  private static final double UNKNOWN_SPREAD = 0.5; // of what was told once

  private final List<Double> stretches = new ArrayList<>(); // work done in each
  private double length = 1; // seconds of a stretch
  private double done; // work up to the last full stretch
  private int told;
  private double seconds; // when work was last told
  private double work;

  /**
   * So much was done, since the beginning.
   *
   * @param seconds since the beginning; does not go back
   * @param work in any unit; does not go back
   */
  public void at(double seconds, double work) {
    told += work > this.work ? 1 : 0;
    double end = (stretches.size() + 1) * length;
    while (seconds >= end) { // what was told since is taken as done evenly
      double part = seconds == this.seconds ? 1 : (end - this.seconds) / (seconds - this.seconds);
      double there = this.work + Math.clamp(part, 0, 1) * (work - this.work);
      stretches.add(there - done);
      done = there;
      this.seconds = end;
      this.work = there;
      if (stretches.size() == MOST) {
        for (int i = 0; i < MOST / 2; i++) {
          stretches.set(i, stretches.get(i) + stretches.remove(i + 1));
        }
        length *= 2;
      }
      end = (stretches.size() + 1) * length;
    }
    this.seconds = seconds;
    this.work = work;
  }

  /** Whether anything was done. */
  public boolean known() {
    return work > 0 && seconds > 0;
  }

  /** Work a second up to now. */
  public double rate() {
    return Math.exp(summary(0)[0]);
  }

  /** How long so much work may take: 200 draws. */
  public Range time(double left) {
    RandomGenerator random = new SplittableRandom(1);
    double[] draws = new double[200];
    for (int i = 0; i < draws.length; i++) {
      draws[i] = left / draw(left, random);
    }
    return Range.of(draws);
  }

  /** A rate at which so much more work may go. */
  double draw(double left, RandomGenerator random) {
    double[] s = summary(left);
    return Math.exp(s[0] + s[1] * random.nextGaussian());
  }

  /** Mean and standard deviation of the logarithm of the rate to come. */
  private double[] summary(double left) {
    int from = stretches.size() >= 4 ? 1 : 0;
    double sum = 0;
    double square = 0;
    int n = 0;
    double all = 0;
    for (double d : stretches.subList(from, stretches.size())) {
      all += d;
      if (d > 0) {
        double log = Math.log(d / length);
        n++;
        sum += log;
        square += log * log;
      }
    }
    double unsure = UNKNOWN_SPREAD / Math.sqrt(Math.max(1, told));
    if (n < 2) {
      return new double[] {Math.log(work / seconds), Math.max(unsure, UNKNOWN_SPREAD / 2)};
    }
    double whole = all / (length * (stretches.size() - from));
    double variance = Math.max(0, (square - sum * sum / n) / (n - 1));
    double ahead = Math.clamp(left / whole / length, 1, INDEPENDENT);
    double spread = Math.sqrt(variance * (1.0 / Math.min(n, INDEPENDENT) + 1 / ahead));
    return new double[] {Math.log(whole), Math.hypot(spread, Math.max(unsure, LEAST_SPREAD))};
  }
}
