package dev.sphere.lab.study;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Rows to imitate out of a run of independent samples: the distinct right solutions of each problem, at most four (STaR, arXiv
 * 2203.14465; ReST-EM, arXiv 2312.06585). {@code train sft --run} takes those of searched trees, and such a run has none.
 */
public final class StarRows {
  private static final int PER_PROBLEM = 4;

  private StarRows() {}

  /** {@code RUN OUT}: the run's folder and the file of rows. */
  public static void main(String[] args) throws IOException {
    Path run = Path.of(args[0]);
    Map<String, String> questions = new HashMap<>();
    try (BufferedReader lines = Files.newBufferedReader(run.resolve("problems.jsonl"))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        JsonNode problem = JsonMapper.shared().readTree(line);
        questions.put(problem.get("problem").asString(), problem.get("question").asString());
      }
    }
    List<String> rows = new ArrayList<>();
    try (BufferedReader lines = Files.newBufferedReader(run.resolve("stages.jsonl"))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        JsonNode stage = JsonMapper.shared().readTree(line);
        Set<String> right = new LinkedHashSet<>();
        for (JsonNode attempt : stage.path("attempts")) {
          if (attempt.get("correct").asBoolean() && !attempt.get("truncated").asBoolean() && right.size() < PER_PROBLEM) {
            right.add(attempt.get("text").asString());
          }
        }
        for (String solution : right) {
          rows.add(JsonMapper.shared().writeValueAsString(Map.of(
              "prompt", List.of(Map.of("role", "user", "content", questions.get(stage.get("problem").asString()))),
              "completion", List.of(Map.of("role", "assistant", "content", solution)))));
        }
      }
    }
    Files.write(Path.of(args[1]), rows);
  }
}
