package dev.sphere.engine.eval;

import dev.sphere.engine.data.StepCase;
import dev.sphere.engine.eval.Statistics.Interval;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.function.ToDoubleFunction;

/**
 * How well step scores tell right steps from wrong ones. Intervals are percentile bootstraps over cases, 95 %.
 *
 * @param cases how many
 * @param withError how many of them have a wrong step
 * @param auc the chance that a right step scores higher than a first wrong one (equal scores count half); steps after
 *     the first error have no label
 * @param aucInterval its interval
 * @param threshold a step below it is taken for wrong
 * @param atThreshold first-error figures at that threshold
 * @param f1Interval of its F1
 * @param tunedThreshold the threshold with the highest F1 on the even cases
 * @param tuned first-error figures of the odd cases at the tuned threshold: ProcessBench's protocol for scalar rewards
 *     (a threshold tuned on one part of the data)
 */
public record StepQuality(int cases, int withError, double auc, Interval aucInterval, double threshold,
    FirstError atThreshold, Interval f1Interval, double tunedThreshold, FirstError tuned) {
  private static final int RESAMPLES = 1000;

  /**
   * ProcessBench's figures (arXiv 2412.06559): the harmonic mean of two accuracies.
   *
   * @param onWrong share of the cases with an error whose first wrong step was found
   * @param onRight share of the cases without one in which none was found
   */
  public record FirstError(double onWrong, double onRight) {
    /** The harmonic mean of the two. */
    public double f1() {
      return onWrong + onRight == 0 ? 0 : 2 * onWrong * onRight / (onWrong + onRight);
    }
  }

  private record Scored(int label, double[] scores) {}

  /** The quality of these scores. */
  public static StepQuality of(List<StepCase> cases, List<double[]> scores, double threshold, long seed) {
    List<Scored> all = new ArrayList<>();
    List<Scored> even = new ArrayList<>();
    List<Scored> odd = new ArrayList<>();
    // Every other case of either kind: files are often sorted, or alternate.
    int[] seen = new int[2];
    for (int i = 0; i < cases.size(); i++) {
      Scored s = new Scored(cases.get(i).label(), scores.get(i));
      all.add(s);
      (seen[s.label >= 0 ? 1 : 0]++ % 2 == 0 ? even : odd).add(s);
    }
    double tuned = tune(even);
    return new StepQuality(all.size(), (int) all.stream().filter(s -> s.label >= 0).count(), auc(all),
        bootstrap(all, StepQuality::auc, seed), threshold, firstError(all, threshold),
        bootstrap(all, sample -> firstError(sample, threshold).f1(), seed), tuned, firstError(odd, tuned));
  }

  private static Interval bootstrap(List<Scored> all, ToDoubleFunction<List<Scored>> figure, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    double[] values = new double[RESAMPLES];
    for (int r = 0; r < RESAMPLES; r++) {
      List<Scored> sample = new ArrayList<>(all.size());
      for (int i = 0; i < all.size(); i++) {
        sample.add(all.get(random.nextInt(all.size())));
      }
      values[r] = figure.applyAsDouble(sample);
    }
    // A sample without one kind of step has no figure.
    double[] known = Arrays.stream(values).filter(v -> !Double.isNaN(v)).sorted().toArray();
    if (known.length == 0) {
      return new Interval(Double.NaN, Double.NaN);
    }
    int last = known.length - 1;
    return new Interval(known[(int) (0.025 * last)], known[(int) Math.ceil(0.975 * last)]);
  }

  /** Mann and Whitney's statistic by ranks; NaN where one kind of step is missing. */
  private static double auc(List<Scored> cases) {
    List<double[]> steps = new ArrayList<>(); // score, 1 for right
    for (Scored s : cases) {
      int end = s.label < 0 ? s.scores.length : s.label + 1;
      for (int i = 0; i < end; i++) {
        steps.add(new double[] {s.scores[i], i == s.label ? 0 : 1});
      }
    }
    steps.sort((a, b) -> Double.compare(a[0], b[0]));
    double rankSum = 0;
    long right = 0;
    for (int from = 0; from < steps.size();) {
      int to = from;
      while (to < steps.size() && steps.get(to)[0] == steps.get(from)[0]) {
        to++;
      }
      double rank = (from + 1 + to) / 2.0;
      for (int i = from; i < to; i++) {
        if (steps.get(i)[1] == 1) {
          rankSum += rank;
          right++;
        }
      }
      from = to;
    }
    long wrong = steps.size() - right;
    return right == 0 || wrong == 0 ? Double.NaN : (rankSum - right * (right + 1) / 2.0) / right / wrong;
  }

  private static FirstError firstError(List<Scored> cases, double threshold) {
    int wrong = 0;
    int found = 0;
    int right = 0;
    int left = 0;
    for (Scored s : cases) {
      int first = -1;
      for (int i = 0; i < s.scores.length && first < 0; i++) {
        first = s.scores[i] < threshold ? i : -1;
      }
      if (s.label >= 0) {
        wrong++;
        found += first == s.label ? 1 : 0;
      } else {
        right++;
        left += first < 0 ? 1 : 0;
      }
    }
    return new FirstError(wrong == 0 ? Double.NaN : (double) found / wrong, right == 0 ? Double.NaN
        : (double) left / right);
  }

  private static double tune(List<Scored> cases) {
    TreeSet<Double> values = new TreeSet<>();
    cases.forEach(s -> Arrays.stream(s.scores).forEach(values::add));
    List<Double> sorted = List.copyOf(values);
    double best = 0.5;
    double most = -1;
    int step = Math.max(1, sorted.size() / 200);
    for (int i = 0; i < sorted.size(); i += step) {
      // Just above a value that occurs: it counts as wrong then.
      double threshold = Math.nextUp(sorted.get(i));
      double f1 = firstError(cases, threshold).f1();
      if (f1 > most) {
        most = f1;
        best = threshold;
      }
    }
    return best;
  }

  /** The figures by name, as the JSON result has them. */
  public Map<String, Object> toMap() {
    Map<String, Object> m = new LinkedHashMap<>();
    m.put("cases", cases);
    m.put("with_error", withError);
    m.put("step_auc", auc);
    m.put("step_auc_low", aucInterval.low());
    m.put("step_auc_high", aucInterval.high());
    m.put("threshold", threshold);
    m.put("first_error_f1", atThreshold.f1());
    m.put("first_error_f1_low", f1Interval.low());
    m.put("first_error_f1_high", f1Interval.high());
    m.put("accuracy_on_wrong", atThreshold.onWrong());
    m.put("accuracy_on_right", atThreshold.onRight());
    m.put("tuned_threshold", tunedThreshold);
    m.put("tuned_f1", tuned.f1());
    m.put("tuned_accuracy_on_wrong", tuned.onWrong());
    m.put("tuned_accuracy_on_right", tuned.onRight());
    return m;
  }
}
