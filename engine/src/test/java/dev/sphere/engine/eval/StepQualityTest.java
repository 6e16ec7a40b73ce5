package dev.sphere.engine.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.HashPolicy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.ProcessRewardModel;
import dev.sphere.engine.Progress;
import dev.sphere.engine.data.StepCase;
import dev.sphere.engine.data.StepCases;
import dev.sphere.engine.embedded.StepCaseSource;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.reward.GradedAnswers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StepQualityTest {
  @TempDir Path dir;

  private static StepCase of(int label, int steps) {
    return new StepCase(new Problem("p" + label + steps, "q", "1"),
        java.util.Collections.nCopies(steps, "step"), label, "");
  }

  @Test
  void byHand() {
    List<StepCase> cases = List.of(of(-1, 2), of(1, 3), of(0, 1), of(-1, 1));
    // Right steps: .9 .8 (first case), .7 (second), .4 (last). Wrong: .3 (second), .75 (third). .99 has no label.
    List<double[]> scores = List.of(new double[] {.9, .8}, new double[] {.7, .3, .99}, new double[] {.75},
        new double[] {.4});
    StepQuality q = StepQuality.of(cases, scores, 0.5, 1);
    assertEquals(6.0 / 8, q.auc(), 1e-12); // .3 loses to all four, .75 to two
    assertEquals(0.5, q.atThreshold().onWrong(), "the second case's first low step is its first wrong one");
    assertEquals(0.5, q.atThreshold().onRight(), "the last case was accused");
    assertEquals(0.5, q.atThreshold().f1(), 1e-12);
    assertEquals(2, q.withError());
    assertTrue(q.aucInterval().low() <= q.auc() && q.auc() <= q.aucInterval().high());
    StepQuality ties = StepQuality.of(cases, List.of(new double[] {.5, .5}, new double[] {.5, .5, .5},
        new double[] {.5},
        new double[] {.5}), 0.5, 1);
    assertEquals(0.5, ties.auc(), 1e-12);
    assertEquals(0, ties.atThreshold().f1(), "nothing is accused: no error is found");
  }

  /** Against the definition, pair by pair, on random scores with many ties. */
  @Test
  void aucIsThePairwiseDefinition() {
    SplittableRandom random = new SplittableRandom(4);
    List<StepCase> cases = new ArrayList<>();
    List<double[]> scores = new ArrayList<>();
    List<Double> right = new ArrayList<>();
    List<Double> wrong = new ArrayList<>();
    for (int c = 0; c < 60; c++) {
      int n = 1 + random.nextInt(5);
      int label = random.nextInt(n + 1) - 1;
      double[] s = random.doubles(n).map(d -> Math.round(d * 6) / 6.0).toArray();
      cases.add(of(label, n));
      scores.add(s);
      for (int i = 0; i < (label < 0 ? n : label + 1); i++) {
        (i == label ? wrong : right).add(s[i]);
      }
    }
    double wins = 0;
    for (double r : right) {
      for (double w : wrong) {
        wins += r > w ? 1 : r == w ? 0.5 : 0;
      }
    }
    assertEquals(wins / right.size() / wrong.size(), StepQuality.of(cases, scores, 0.5, 1).auc(), 1e-12);
  }

  @Test
  void aPerfectRewardIsPerfect() throws Exception {
    List<StepCase> cases = StepCaseSource.cases(100);
    ProcessRewardModel oracle = (problem, path, key, steps) -> {
      int at = Integer.parseInt(problem.id().substring(problem.id().indexOf('-') + 1));
      StepCase c = cases.get(at);
      boolean bad = c.label() >= 0 && steps.getFirst().text().strip().equals(c.steps().get(c.label()));
      return new double[] {bad ? 0 : 1};
    };
    List<double[]> scores =
        StepScores.of(cases, new HashPolicy(0.5), oracle, Prompts.defaults(), "\n", 1, 8, Map.of(),
            (i, s) -> {}, Progress.NONE);
    StepQuality q = StepQuality.of(cases, scores, 0.5, 1);
    assertEquals(1, q.auc());
    assertEquals(1, q.atThreshold().f1());
    assertEquals(1, q.tuned().f1());
  }

  @Test
  void embeddedCasesAreWhatTheySay() {
    GradedAnswers grader = new GradedAnswers();
    List<StepCase> cases = StepCaseSource.cases(200);
    assertEquals(100, cases.stream().filter(c -> c.label() >= 0).count());
    for (StepCase c : cases) {
      assertEquals(c.label() < 0, grader.correct(c.problem(), String.join("\n", c.steps())), c.problem().id());
    }
  }

  @Test
  void processBenchFilesAreRead() throws Exception {
    Path file = dir.resolve("gsm8k.jsonl");
    Files.writeString(file, """
        {"id":"gsm8k-0","generator":"Qwen2-7B-Instruct","problem":"Q?","steps":["One.","Two."],"final_answer_correct":false,"label":1}
        {"id":"gsm8k-1","generator":"x","problem":"R?","steps":["One."],"final_answer_correct":true,"label":-1,"answer":"5"}
        """);
    List<StepCase> cases = StepCases.read(file.toString(), 0);
    assertEquals(List.of(1, -1), cases.stream().map(StepCase::label).toList());
    assertEquals("5", cases.get(1).problem().answer());
    Files.writeString(file, "{\"problem\":\"Q\",\"steps\":[\"a\"],\"label\":3}\n");
    String message =
        assertThrows(IllegalArgumentException.class, () -> StepCases.read(file.toString(), 0)).getMessage();
    assertTrue(message.contains("1") && message.contains("label 3"), message);
  }
}
