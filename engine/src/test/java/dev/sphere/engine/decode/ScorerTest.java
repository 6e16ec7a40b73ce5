package dev.sphere.engine.decode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.bindings.llama.Batch;
import dev.sphere.bindings.llama.Context;
import dev.sphere.bindings.llama.ContextOptions;
import dev.sphere.bindings.llama.KvType;
import dev.sphere.bindings.llama.Model;
import dev.sphere.bindings.tensor.NativeFloats;
import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Policy.Request;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.StopRule;
import dev.sphere.engine.TokenPath;
import dev.sphere.gguf.GgmlType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Scores of packed rows against a token by token computation, and against what the rollout engine recorded. */
class ScorerTest {
  @TempDir static Path dir;

  @Test
  void packedRowsScoreAsOneTokenAfterTheOther() throws Exception {
    Path file = TestModels.write(dir, "tiny-qwen2", GgmlType.F32);
    try (Model model = Model.load(file)) {
      List<Scorer.Row> rows = rows();
      List<float[]> plain = new ArrayList<>();
      for (Scorer.Row row : rows) {
        plain.add(oneByOne(model, row));
      }
      for (int cells : new int[] {256, 600, 4096}) {
        for (int lanes : new int[] {1, 3}) {
          try (Scorer scorer = Scorer.of(model, null, lanes, 1, cells)) {
            List<float[]> scores = scorer.score(rows);
            assertEquals(rows.size(), scores.size());
            for (int i = 0; i < rows.size(); i++) {
              assertArrayEquals(plain.get(i), scores.get(i), 1e-4f, "row " + i + ", cells " + cells);
            }
          }
        }
      }
    }
  }

  @Test
  void scoresAreWhatTheRolloutEngineRecorded() throws Exception {
    Path file = TestModels.write(dir, "tiny-llama", GgmlType.BF16);
    BatchedPolicy.Options options = new BatchedPolicy.Options(1, 1, 20, 2048, 0);
    try (Model model = Model.load(file);
        BatchedPolicy policy = BatchedPolicy.of(model, null, null, options);
        Scorer scorer = Scorer.of(model, null, 2, 1, 1024)) {
      int[] prompt = new Random(3).ints(50, 32, 127).toArray();
      List<Request> requests = new ArrayList<>();
      for (int i = 0; i < 12; i++) {
        requests.add(
            new Request(new DrawKey(1, 2, 3, i), SamplingSettings.temperature(0.9f, 40), StopRule.never()));
      }
      List<Generation> drawn = policy.generate(TokenPath.root(prompt), requests);
      List<float[]> scores = scorer.score(drawn.stream().map(g -> new Scorer.Row(prompt, g.tokens())).toList());
      for (int i = 0; i < drawn.size(); i++) {
        assertArrayEquals(drawn.get(i).logProbs(), scores.get(i), 0f, "generation " + i);
      }
    }
  }

  @Test
  void edges() throws Exception {
    Path file = TestModels.write(dir, "tiny-qwen2", GgmlType.F32);
    try (Model model = Model.load(file);
        Scorer scorer = Scorer.of(model, null, 2, 1, 256)) {
      assertEquals(List.of(), scorer.score(List.of()));
      Scorer.Row none = new Scorer.Row(new int[] {65}, new int[0]);
      Scorer.Row one = new Scorer.Row(new int[] {65}, new int[] {66});
      assertEquals(0, scorer.score(List.of(none)).getFirst().length);
      List<float[]> mixed = scorer.score(List.of(one, none, one));
      assertEquals(mixed.get(0)[0], mixed.get(2)[0]);
      assertEquals(oneByOne(model, one)[0], mixed.get(0)[0], 1e-5f);
      Scorer.Row text = scorer.row("", "ab");
      assertEquals(model.vocabulary().start(), text.prompt()[0]);
      assertArrayEquals(new int[] {'a', 'b'}, text.completion());
      Scorer.Row noPrompt = new Scorer.Row(new int[0], new int[] {1});
      assertThrows(IllegalArgumentException.class, () -> scorer.score(List.of(noPrompt)));
      Scorer.Row tooLong = new Scorer.Row(new int[300], new int[1]);
      String message =
          assertThrows(IllegalArgumentException.class, () -> scorer.score(List.of(one, tooLong))).getMessage();
      assertTrue(message.contains("row 1") && message.contains("301"), message);
    }
  }

  /** Pairs of trees, equal rows, a row that is a prefix of another, prompts of different length that share tokens. */
  private static List<Scorer.Row> rows() {
    Random random = new Random(11);
    List<Scorer.Row> rows = new ArrayList<>();
    for (int t = 0; t < 4; t++) {
      int[] prompt = random.ints(3 + 20 * t, 32, 127).toArray();
      int[] trunk = random.ints(30, 32, 127).toArray();
      for (int i = 0; i < 6; i++) {
        int[] completion = trunk.clone();
        for (int k = 5 * i; k < completion.length; k++) {
          completion[k] = random.nextInt(32, 127);
        }
        rows.add(new Scorer.Row(prompt, completion));
      }
      rows.add(new Scorer.Row(prompt, trunk));
      rows.add(new Scorer.Row(prompt, trunk));
      rows.add(new Scorer.Row(prompt, java.util.Arrays.copyOf(trunk, 7)));
      int[] longer = java.util.Arrays.copyOf(prompt, prompt.length + 4);
      System.arraycopy(trunk, 0, longer, prompt.length, 4);
      rows.add(new Scorer.Row(longer, java.util.Arrays.copyOfRange(trunk, 4, 20)));
    }
    Collections.shuffle(rows, random);
    return rows;
  }

  private static float[] oneByOne(Model model, Scorer.Row row) {
    int vocabulary = model.vocabulary().size();
    float[] result = new float[row.completion().length];
    ContextOptions shape = new ContextOptions(512, 64, 32, 1, 1, true, true, KvType.F16, false);
    try (Context context = Context.open(model, shape);
        Batch batch = new Batch(64)) {
      for (int i = 0; i < row.prompt().length + row.completion().length - 1; i++) {
        int p = row.prompt().length;
        batch.clear();
        batch.add(i < p ? row.prompt()[i] : row.completion()[i - p], i, 0, true);
        context.decode(batch);
        if (i >= p - 1) {
          NativeFloats logits = context.logits();
          double sum = 0;
          for (int v = 0; v < vocabulary; v++) {
            sum += Math.exp(logits.get(v));
          }
          result[i + 1 - p] = (float) (logits.get(row.completion()[i + 1 - p]) - Math.log(sum));
        }
      }
    }
    return result;
  }
}
