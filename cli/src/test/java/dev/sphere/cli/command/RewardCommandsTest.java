package dev.sphere.cli.command;

import static dev.sphere.cli.command.Call.call;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** eval prm, pages and search --strategy, end to end on the embedded models with few problems. */
class RewardCommandsTest {
  @TempDir private Path temporary;

  @Test
  void evalPrmMeasuresStepsAndGain() throws Exception {
    Path scores = temporary.resolve("scores.jsonl");
    Call call = call("eval", "prm", "--model", "embedded-small", "--prm", "implicit:embedded", "--steps",
        "embedded:steps", "--steps-limit", 10, "--problems", "embedded:validation", "--limit", 2, "--samples", 2,
        "--out", scores, "--json");
    assertEquals(0, call.status(), call.err());
    JsonNode steps = call.json().get("steps");
    assertEquals(10, steps.get("cases").asInt());
    assertEquals(10, Files.readAllLines(scores).size());
    assertEquals(pairwiseAuc(Files.readAllLines(scores)), steps.get("step_auc").asDouble(), 1e-9);
    assertEquals(2, call.json().get("best_of_n").get("problems").asInt());
    Path unanswered = temporary.resolve("cases.jsonl");
    Files.writeString(unanswered, "{\"problem\":\"Q\",\"steps\":[\"a\"],\"label\":0}\n");
    Call refused = call("eval", "prm", "--model", "embedded-small", "--prm", "mc", "--steps", unanswered);
    assertEquals(2, refused.status());
    assertEquals(2, call("eval", "prm", "--model", "embedded-small", "--prm", "random").status());
  }

  /** By the definition: how often a right step scores above a first wrong one; equal scores count half. */
  private static double pairwiseAuc(List<String> lines) {
    List<Double> right = new ArrayList<>();
    List<Double> wrong = new ArrayList<>();
    for (String line : lines) {
      JsonNode row = JsonMapper.shared().readTree(line);
      int label = row.get("label").asInt();
      for (int i = 0; i < (label < 0 ? row.get("scores").size() : label + 1); i++) {
        (i == label ? wrong : right).add(row.get("scores").get(i).asDouble());
      }
    }
    assertTrue(right.stream().distinct().count() > 5 && wrong.size() > 2, "scores that differ, of steps of both kinds");
    double wins = 0;
    for (double r : right) {
      for (double w : wrong) {
        wins += r > w ? 1 : r == w ? 0.5 : 0;
      }
    }
    return wins / right.size() / wrong.size();
  }

  @Test
  void aRunByAnotherStrategyAndItsPages() throws Exception {
    Path run = temporary.resolve("run");
    Call search = call("search", "--model", "embedded-small", "--problems", "embedded:train", "--limit", 3, "--run",
        run,
        "--strategy", "rejection", "--budget", 400, "--prm", "random", "--stages", "generation",
            "--pairs-per-problem", 2,
        "--decontaminate", "embedded:test", "--ngram", 60, "--json");
    assertEquals(0, search.status(), search.err());
    assertEquals(0, search.json().get("contaminated").asInt());
    assertTrue(search.json().get("pairs").get("all").asInt() <= 6);
    assertEquals(search.json().get("pairs").get("all").asInt(), Files.readAllLines(run.resolve("pairs.jsonl")).size());
    assertTrue(Files.readString(run.resolve("run.json")).contains("REJECTION"));
    assertTrue(Files.exists(run.resolve("decontamination.jsonl")));
    Call pages = call("pages", "--run", run, "--out", temporary.resolve("pages"), "--json");
    assertEquals(3, pages.json().get("pages").asInt());
    assertTrue(Files.readString(temporary.resolve("pages/index.html")).contains("problem-00003.html"));
    assertEquals(2, call("pages", "--run", run, "--out", temporary.resolve("p2"), "--problem", "none").status());
  }
}
