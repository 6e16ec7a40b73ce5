package dev.sphere.web.studio;

import dev.sphere.engine.eval.Answered;
import dev.sphere.engine.eval.Breakdown;
import dev.sphere.engine.eval.EvalResult;
import dev.sphere.engine.eval.Statistics;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Evaluations' answers for the views: read whole, kept as long as the file stays as it is. Damaged lines are left out and counted. */
final class Answers {
  private static final JsonMapper JSON = JsonMapper.shared();

  /** Evaluations that are kept in memory. */
  private static final int KEPT = 8;

  private static final Map<Path, Read> READ = new ConcurrentHashMap<>();
  private static final Map<Path, Glance> GLANCES = new ConcurrentHashMap<>(); // of all that were listed

  private Answers() {}

  private record Read(long size, long modified, Figures figures, List<Answered> answers) {}

  private record Glance(long size, long modified, Figures figures) {}

  /**
   * What a file of answers says at a glance.
   *
   * @param problems answered ones
   * @param accuracy share of right greedy answers, or of right samples where there is none
   * @param low lower end of its 95 % interval (Wilson)
   * @param high upper end
   * @param damaged lines that could not be read
   * @param breakdowns the same by level, subject and the like
   */
  record Figures(int problems, double accuracy, double low, double high, int damaged, List<Breakdown> breakdowns) {}

  static Figures figures(Path file) throws IOException {
    Glance known = GLANCES.get(file);
    if (known == null || known.size != file.toFile().length() || known.modified != file.toFile().lastModified()) {
      Read read = read(file);
      known = new Glance(read.size, read.modified, read.figures);
      GLANCES.put(file, known);
    }
    return known.figures;
  }

  /** The answers in the file's order. */
  static List<Answered> of(Path file) throws IOException {
    return read(file).answers;
  }

  private static Read read(Path file) throws IOException {
    long size = Files.size(file);
    long modified = file.toFile().lastModified();
    Read known = READ.get(file);
    if (known != null && known.size == size && known.modified == modified) {
      return known;
    }
    List<Answered> answers = new ArrayList<>();
    int damaged = 0;
    try (Stream<String> lines = Files.lines(file, StandardCharsets.UTF_8)) {
      for (String line : (Iterable<String>) lines::iterator) {
        try {
          JsonNode node = JSON.readTree(line);
          if (node.has("problemId") && node.has("text")) {
            ((tools.jackson.databind.node.ObjectNode) node).remove("crc");
            answers.add(JSON.treeToValue(node, Answered.class));
          } else if (!node.has("evaluation")) {
            damaged++;
          }
        } catch (JacksonException | IllegalArgumentException e) {
          damaged++;
        }
      }
    } catch (java.io.UncheckedIOException e) {
      throw e.getCause();
    }
    Map<String, int[]> byProblem = new LinkedHashMap<>(); // greedy, greedy right, samples, samples right
    Map<String, Map<String, String>> metadata = new HashMap<>();
    for (Answered a : answers) {
      metadata.put(a.problemId(), a.metadata());
      int[] n = byProblem.computeIfAbsent(a.problemId(), id -> new int[4]);
      n[a.sample() < 0 ? 0 : 2]++;
      n[a.sample() < 0 ? 1 : 3] += a.correct() ? 1 : 0;
    }
    Map<String, Double> scores = new LinkedHashMap<>();
    byProblem.forEach((id, n) -> scores.put(id, n[0] > 0 ? n[1] : (double) n[3] / n[2]));
    double sum = scores.values().stream().mapToDouble(s -> s).sum();
    int n = byProblem.size();
    Statistics.Interval interval = n == 0 ? new Statistics.Interval(0, 1) : Statistics.wilson((int) Math.round(sum), n, EvalResult.Z95);
    Figures figures = new Figures(n, n == 0 ? 0 : sum / n, interval.low(), interval.high(), damaged, Breakdown.of(scores, metadata));
    Read read = new Read(size, modified, figures, answers);
    if (READ.size() >= KEPT) {
      READ.clear();
    }
    READ.put(file, read);
    return read;
  }
}
