package dev.sphere.lab.bench;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.bindings.llama.Model;
import dev.sphere.cli.command.bench.RolloutBench;
import dev.sphere.engine.decode.BatchedPolicy;
import dev.sphere.engine.decode.Scorer;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.RandomModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The benchmarks do the work that they say, and their baselines compute the same things. */
class BenchTest {
  @TempDir static Path dir;

  private static Model model(GgmlType type) {
    Path file = dir.resolve("tiny-" + type + ".gguf");
    RandomModel.write(RandomModel.like("tiny-qwen2"), ByteVocabulary.metadata(), type, 1, file);
    return Model.load(file);
  }

  @Test
  void separateSequencesScoreAsPackedTreesDo() throws Exception {
    try (Model model = model(GgmlType.F32);
        Scorer scorer = Scorer.of(model, null)) {
      ScoreBench bench = new ScoreBench(model, new ScoreBench.Plan(2, 3, 9, 3, 5, 1));
      List<Scorer.Row> rows = bench.rows(0);
      assertEquals(12, rows.size());
      List<float[]> packed = scorer.score(rows);
      List<float[]> separate = bench.separate(rows);
      for (int i = 0; i < rows.size(); i++) {
        assertArrayEquals(packed.get(i), separate.get(i), 2e-3f, "row " + i);
      }
    }
  }

  @Test
  void aTreeComputesEachTokenOnce() throws Exception {
    TreeBench.Plan paper = new TreeBench.Plan(1, 128, 6, 5, 32, 1);
    assertEquals(55, paper.steps());
    assertEquals(45, paper.paths().size());
    assertEquals(3 + 8 * (2 + 3 + 4 + 5) + 10 * 6, paper.paths().stream().mapToInt(Integer::intValue).sum());

    try (Model model = model(GgmlType.F32)) {
      BenchResult r = new TreeBench(model, new TreeBench.Plan(3, 20, 3, 3, 6, 1)).run(
          new BatchedPolicy.Options(1, 1, 32, 4096, 0)); // a path that moves to another lane is computed twice
      long drawn = 3L * 3 * (1 + 2 * 2) * 6;
      assertEquals(drawn, r.shape().get("tree_tokens"));
      long computed = (long) r.shape().get("tree_computed");
      // A candidate's last token is computed only where the search goes on.
      assertTrue(computed <= drawn + 3 * 20, computed + " computed for " + drawn + " drawn");
      assertTrue(computed < (long) r.shape().get("shared_prompt_computed"));
      assertTrue((long) r.shape().get("shared_prompt_computed") < (long) r.shape().get("nothing_shared_computed"));
    }
  }

  @Test
  void rolloutsAreMeasuredInTurnsWithThreeBaselines() throws Exception {
    try (Model model = model(GgmlType.BF16)) {
      BenchResult r = new RolloutPeers(model, new RolloutBench.Plan(12, 4, 5, 3, 2)).run();
      assertEquals(9, r.figures().size());
      for (Figure f : r.figures()) {
        assertEquals(f.name().equals("engine, drawing") ? 1 : 2, f.samples().size());
        // A difference of two times can be anything on a machine that is busy with other things.
        assertTrue(f.low() > 0 || f.name().endsWith("alone"), f.name());
      }
      assertEquals(6, r.ratios().size());
      assertTrue(r.toMap().containsKey("machine"));
    }
  }

  @Test
  void kernelsAreMeasuredAgainstMemoryAndLlamaCpp() throws Exception {
    BenchResult r = new KernelBench(new KernelBench.Plan(3, 700, 2, 1)).run();
    assertTrue(r.figure("copy").median() > 0);
    assertTrue(r.figures().stream().allMatch(f -> f.median() > 0));
    assertTrue(r.figure("llama.cpp's chain, greedy").median() > 0);
  }

  @Test
  void bothLayoutsOfACacheAreMeasured() throws Exception {
    try (Model model = model(GgmlType.F32)) {
      BenchResult r = new CacheBench(model, new CacheBench.Plan(2, 3, 8, 2, 3, 1, 1)).run();
      assertEquals(4, r.figures().size());
      assertTrue((int) r.shape().get("shared_cells") < (int) r.shape().get("stream_cells"));
    }
  }

  @Test
  void theTrainersLogProbabilitiesAreLlamaCpps() {
    model(GgmlType.F32).close();
    double difference = LogProbCheck.difference(dir.resolve("tiny-F32.gguf"), 5, 1);
    assertTrue(difference < 1e-3, "log-probabilities differ from llama.cpp's by " + difference);
  }

  @Test
  void turnsAlternateAndWarmUp() throws Exception {
    List<String> order = new ArrayList<>();
    List<Figure> figures =
        new InterleavedRuns(2)
            .add("a", "s", i -> {
              order.add("a" + i);
              return i;
            })
            .add("b", "s", i -> {
              order.add("b" + i);
              return 10 + i;
            })
            .run();
    assertEquals(List.of("a-1", "b-1", "a0", "b0", "b1", "a1"), order);
    assertEquals(List.of(0.0, 1.0), figures.get(0).samples());
    assertEquals(10.5, figures.get(1).median());
    assertEquals(List.of(10.0 / 1, 11.0 / 1), figures.get(1).samples());
    Figure ratio = Figure.of("x", "s", new double[] {4, 9}).over(Figure.of("y", "s", new double[] {2, 3}), "x / y");
    assertEquals(List.of(2.0, 3.0), ratio.samples());
    assertFalse(new Ratio(ratio, 2.6).reached());
    assertTrue(new Ratio(ratio, 2.5).reached());
  }

  @Test
  void noTwoPromptsBeginAlike() {
    for (int vocabulary : new int[] {259, 151_936}) {
      assertNotEquals(
          List.of(RolloutBench.prompt(0, 1, 6, vocabulary)[0], RolloutBench.prompt(0, 1, 6, vocabulary)[1]),
          List.of(RolloutBench.prompt(0, 2, 6, vocabulary)[0], RolloutBench.prompt(0, 2, 6, vocabulary)[1]));
      for (int token : RolloutBench.prompt(3, 70_000, 500, vocabulary)) {
        assertTrue(token >= 0 && token < vocabulary);
      }
    }
  }
}
