package dev.sphere.lab.study;

import dev.sphere.engine.eval.AnswerFile;
import dev.sphere.engine.eval.Answered;
import dev.sphere.engine.eval.Statistics;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/**
 * New ability or sharpening: how mean@k, pass@k and maj@k of the samples differ between two models on the same problems, each with a
 * paired bootstrap interval (95 %). {@code sphere eval} gives each model's own figures.
 */
public final class Sampled {
  private static final int DRAWS = 10_000;

  /** One problem's samples: the share that is right, whether any is, whether the commonest answer is. */
  record Figures(double mean, double pass, double majority) {}

  /** A difference in points with its interval. */
  record Difference(double value, double low, double high) {}

  private Sampled() {}

  /** {@code BASE EVOLVED}: two files of {@code sphere eval --samples K --out}. */
  public static void main(String[] args) {
    compare(read(Path.of(args[0])), read(Path.of(args[1]))).forEach((name, d) ->
        System.out.printf(Locale.ROOT, "%s: %+.1f (%+.1f to %+.1f)%n", name, d.value(), d.low(), d.high()));
  }

  static Map<String, Figures> read(Path answers) {
    Map<String, List<Answered>> samples = AnswerFile.read(answers).stream().filter(a -> a.sample() != Answered.GREEDY)
        .collect(Collectors.groupingBy(Answered::problemId));
    Map<String, Figures> out = new TreeMap<>();
    samples.forEach((problem, all) -> out.put(problem, figures(all)));
    return out;
  }

  private static Figures figures(List<Answered> samples) {
    Map<String, Integer> votes = new LinkedHashMap<>();
    int right = 0;
    for (Answered a : samples) {
      right += a.correct() ? 1 : 0;
      votes.merge(a.answer(), 1, Integer::sum);
    }
    String elected = null;
    for (Map.Entry<String, Integer> e : votes.entrySet()) {
      if (elected == null || e.getValue() > votes.get(elected)) {
        elected = e.getKey();
      }
    }
    String answer = elected;
    boolean majority = samples.stream().anyMatch(a -> a.answer().equals(answer) && a.correct());
    return new Figures(right / (double) samples.size(), right > 0 ? 1 : 0, majority ? 1 : 0);
  }

  /**
   * The differences by name.
   *
   * @throws IllegalArgumentException when the two are of different problems
   */
  static Map<String, Difference> compare(Map<String, Figures> base, Map<String, Figures> evolved) {
    if (!base.keySet().equals(evolved.keySet())) {
      throw new IllegalArgumentException("the two files have different problems");
    }
    Map<String, Difference> out = new LinkedHashMap<>();
    out.put("mean@k", difference(base, evolved, Figures::mean));
    out.put("pass@k", difference(base, evolved, Figures::pass));
    out.put("maj@k", difference(base, evolved, Figures::majority));
    return out;
  }

  private static Difference difference(Map<String, Figures> base, Map<String, Figures> evolved, ToDoubleFunction<Figures> of) {
    double[] first = base.keySet().stream().map(base::get).mapToDouble(of).toArray();
    double[] second = base.keySet().stream().map(evolved::get).mapToDouble(of).toArray();
    Statistics.Interval interval = Statistics.pairedBootstrap(first, second, DRAWS, 0.95, 1);
    return new Difference(100 * (Arrays.stream(second).sum() - Arrays.stream(first).sum()) / first.length, 100 * interval.low(),
        100 * interval.high());
  }
}
