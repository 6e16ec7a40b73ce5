package dev.sphere.lab.study;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

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
  public static void main(String[] args) throws IOException {
    compare(read(Path.of(args[0])), read(Path.of(args[1]))).forEach((name, d) ->
        System.out.printf(Locale.ROOT, "%s: %+.1f (%+.1f to %+.1f)%n", name, d.value(), d.low(), d.high()));
  }

  static Map<String, Figures> read(Path answers) throws IOException {
    Map<String, List<JsonNode>> samples = new TreeMap<>();
    try (BufferedReader lines = Files.newBufferedReader(answers)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        JsonNode a = JsonMapper.shared().readTree(line);
        if (a.get("sample").asInt() >= 0) {
          samples.computeIfAbsent(a.get("problemId").asString(), k -> new ArrayList<>()).add(a);
        }
      }
    }
    Map<String, Figures> out = new TreeMap<>();
    samples.forEach((problem, all) -> out.put(problem, figures(all)));
    return out;
  }

  private static Figures figures(List<JsonNode> samples) {
    Map<String, Integer> votes = new LinkedHashMap<>();
    int right = 0;
    for (JsonNode a : samples) {
      right += a.get("correct").asBoolean() ? 1 : 0;
      votes.merge(a.get("answer").asString(), 1, Integer::sum);
    }
    String elected = null;
    for (Map.Entry<String, Integer> e : votes.entrySet()) {
      if (elected == null || e.getValue() > votes.get(elected)) {
        elected = e.getKey();
      }
    }
    String answer = elected;
    boolean majority = samples.stream().anyMatch(a -> a.get("answer").asString().equals(answer) && a.get("correct").asBoolean());
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
    Figures[] d = base.keySet().stream().map(p -> new Figures(evolved.get(p).mean() - base.get(p).mean(),
        evolved.get(p).pass() - base.get(p).pass(), evolved.get(p).majority() - base.get(p).majority())).toArray(Figures[]::new);
    SplittableRandom random = new SplittableRandom(1);
    double[][] draws = new double[3][DRAWS];
    for (int i = 0; i < DRAWS; i++) {
      double[] sums = new double[3];
      for (int j = 0; j < d.length; j++) {
        add(sums, d[random.nextInt(d.length)]);
      }
      for (int m = 0; m < 3; m++) {
        draws[m][i] = 100 * sums[m] / d.length;
      }
    }
    double[] values = new double[3];
    Arrays.stream(d).forEach(f -> add(values, f));
    Map<String, Difference> out = new LinkedHashMap<>();
    String[] names = {"mean@k", "pass@k", "maj@k"};
    for (int m = 0; m < 3; m++) {
      Arrays.sort(draws[m]);
      out.put(names[m], new Difference(100 * values[m] / d.length, draws[m][DRAWS / 40], draws[m][DRAWS - 1 - DRAWS / 40]));
    }
    return out;
  }

  private static void add(double[] sums, Figures f) {
    sums[0] += f.mean();
    sums[1] += f.pass();
    sums[2] += f.majority();
  }
}
