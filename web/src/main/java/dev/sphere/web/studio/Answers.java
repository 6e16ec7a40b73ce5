package dev.sphere.web.studio;

import dev.sphere.base.PlainFile;
import dev.sphere.engine.eval.Answered;
import dev.sphere.engine.eval.Breakdown;
import dev.sphere.engine.eval.EvalResult;
import dev.sphere.engine.eval.Statistics;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.ref.SoftReference;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The answers of evaluations. Figures are kept as long as the file stays as it is, answers while memory suffices. */
final class Answers {
  private static final JsonMapper JSON = JsonMapper.shared();
  private static final Map<Path, Figures> FIGURES = new ConcurrentHashMap<>();
  private static final Map<Path, SoftReference<Read>> READ = new ConcurrentHashMap<>();

  private Answers() {}

  private record Read(String stamp, List<Answered> answers, int damaged) {}

  /**
   * The figures of a file of answers.
   *
   * @param stamp length and time of the file
   * @param problems problems with an answer
   * @param accuracy share of right greedy answers, or of right samples where there is none
   * @param low lower end of its 95 % interval (Wilson)
   * @param high upper end
   * @param damaged lines that could not be read; they are left out
   * @param breakdowns accuracy by level, subject and the like
   */
  record Figures(String stamp, int problems, double accuracy, double low, double high, int damaged,
      List<Breakdown> breakdowns) {}

  static Figures figures(Path file) throws IOException {
    Figures known = FIGURES.get(file);
    if (known == null || !known.stamp.equals(stamp(file))) {
      known = figures(read(file));
      FIGURES.put(file, known);
    }
    return known;
  }

  /** The answers in the file's order. */
  static List<Answered> of(Path file) throws IOException {
    return read(file).answers;
  }

  /** Changes when the file does: its length and time. */
  static String stamp(Path file) {
    return file.toFile().length() + " " + file.toFile().lastModified();
  }

  private static Read read(Path file) throws IOException {
    String stamp = stamp(file);
    SoftReference<Read> kept = READ.get(file);
    Read known = kept == null ? null : kept.get();
    if (known != null && known.stamp.equals(stamp)) {
      return known;
    }
    List<Answered> answers = new ArrayList<>();
    int damaged = 0;
    try (BufferedReader in = new BufferedReader(new InputStreamReader(PlainFile.read(file), StandardCharsets.UTF_8))) {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        try {
          JsonNode node = JSON.readTree(line);
          if (node.has("problemId") && node.has("text")) {
            answers.add(JSON.treeToValue(node, Answered.class));
          } else if (!node.has("evaluation")) {
            damaged++;
          }
        } catch (JacksonException | IllegalArgumentException e) {
          damaged++;
        }
      }
    }
    Read read = new Read(stamp, answers, damaged);
    READ.put(file, new SoftReference<>(read));
    return read;
  }

  private static Figures figures(Read read) {
    Map<String, int[]> byProblem = new LinkedHashMap<>(); // greedy, greedy right, samples, samples right
    Map<String, Map<String, String>> metadata = new HashMap<>();
    for (Answered a : read.answers) {
      metadata.put(a.problemId(), a.metadata());
      int[] n = byProblem.computeIfAbsent(a.problemId(), id -> new int[4]);
      n[a.sample() < 0 ? 0 : 2]++;
      n[a.sample() < 0 ? 1 : 3] += a.correct() ? 1 : 0;
    }
    Map<String, Double> scores = new LinkedHashMap<>();
    byProblem.forEach((id, n) -> scores.put(id, n[0] > 0 ? n[1] : (double) n[3] / n[2]));
    double sum = scores.values().stream().mapToDouble(s -> s).sum();
    int n = byProblem.size();
    Statistics.Interval interval = n == 0 ? new Statistics.Interval(0, 1)
        : Statistics.wilson((int) Math.round(sum), n, EvalResult.Z95);
    return new Figures(read.stamp, n, n == 0 ? 0 : sum / n, interval.low(), interval.high(), read.damaged,
        Breakdown.of(scores, metadata));
  }
}
