package dev.sphere.engine.eval;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Two models on the same problems, pair by pair.
 *
 * @param n problems that both answered
 * @param base accuracy of the first
 * @param evolved accuracy of the second
 * @param difference evolved - base
 * @param interval of the difference, 95 %: exact, as the test is ({@link Statistics#changedInterval}); a paired
 *     bootstrap where there are samples and no greedy answer
 * @param won problems that the second alone solves (more than half of the samples where there is no greedy answer)
 * @param lost problems that the first alone solves
 * @param pValue McNemar's exact test, two-sided
 */
public record Comparison(
    int n,
    double base,
    double evolved,
    double difference,
    Statistics.Interval interval,
    int won,
    int lost,
    double pValue) {
  private static final int RESAMPLES = 10_000;
  private static final double LEVEL = 0.95;

  /**
   * Compares two evaluations.
   *
   * @param seed of the bootstrap
   * @throws IllegalArgumentException when they are not of the same problems
   */
  public static Comparison of(EvalResult base, EvalResult evolved, long seed) {
    if (!base.scores().keySet().equals(evolved.scores().keySet())) {
      throw new IllegalArgumentException("the two evaluations are not of the same problems: " + base.n() + " and "
          + evolved.n() + ", of which "
          + base.scores().keySet().stream().filter(evolved.scores()::containsKey).count() + " are common");
    }
    int n = base.n();
    double[] first = new double[n];
    double[] second = new double[n];
    int won = 0;
    int lost = 0;
    int i = 0;
    double sumFirst = 0;
    double sumSecond = 0;
    for (Map.Entry<String, Double> e : base.scores().entrySet()) {
      first[i] = e.getValue();
      second[i] = evolved.scores().get(e.getKey());
      won += second[i] > 0.5 && first[i] <= 0.5 ? 1 : 0;
      lost += first[i] > 0.5 && second[i] <= 0.5 ? 1 : 0;
      sumFirst += first[i];
      sumSecond += second[i];
      i++;
    }
    boolean whole = Stream.of(first, second).flatMapToDouble(Arrays::stream)
        .allMatch(score -> score == 0 || score == 1);
    Statistics.Interval interval = whole ? Statistics.changedInterval(won, lost, n, LEVEL)
        : Statistics.pairedBootstrap(first, second, RESAMPLES, LEVEL, seed);
    return new Comparison(n, sumFirst / n, sumSecond / n, (sumSecond - sumFirst) / n, interval, won, lost,
        Statistics.mcnemar(won, lost));
  }

  /** The figures by name, as the JSON result has them. */
  public Map<String, Object> toMap() {
    Map<String, Object> m = new LinkedHashMap<>();
    m.put("n", n);
    m.put("base_accuracy", base);
    m.put("evolved_accuracy", evolved);
    m.put("difference", difference);
    m.put("difference_low", interval.low());
    m.put("difference_high", interval.high());
    m.put("won", won);
    m.put("lost", lost);
    m.put("p_value", pValue);
    return m;
  }
}
