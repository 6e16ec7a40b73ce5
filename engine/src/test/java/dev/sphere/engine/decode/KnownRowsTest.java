package dev.sphere.engine.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sphere.bindings.kernel.AttentionKernel;
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
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What another call has computed is drawn from, with the results of computing it again. */
class KnownRowsTest {
  private static final SamplingSettings GREEDY = SamplingSettings.greedy(12);

  @TempDir static Path dir;

  private static Rollout after(int... tokens) {
    return new Rollout(new RolloutJob(tokens, List.of(new Request(new DrawKey(1, 1, 1, 1), GREEDY, StopRule.never()))));
  }

  @Test
  void aRowIsFoundByItsTokensAndIsACopy() {
    int vocabulary = 1000; // 4,192 rows
    try (KnownRows rows = new KnownRows(vocabulary, true); NativeFloats computed = NativeFloats.allocate(3L * vocabulary)) {
      assertEquals(-1, rows.find(after(1, 2)));
      for (int i = 0; i < 20_000; i++) {
        computed.set(vocabulary + 7, i);
        rows.keep(after(5, i), computed, 1);
        assertEquals(i, rows.logits().get((long) rows.find(after(5, i)) * vocabulary + 7));
      }
      int known = 0;
      for (int i = 0; i < 20_000; i++) {
        int row = rows.find(after(5, i));
        assertTrue(row < 4_192);
        known += row < 0 ? 0 : 1;
        assertTrue(row < 0 || rows.logits().get((long) row * vocabulary + 7) == i, "row " + row);
        assertEquals(-1, rows.find(after(i, 5)));
        assertEquals(-1, rows.find(after(5, i, 5)));
      }
      assertTrue(known > 4_000 && known <= 4_192, "all places hold a row: " + known);
      int row = rows.find(after(5, 19_999));
      rows.keep(after(5, 19_999), computed, 1);
      assertEquals(row, rows.find(after(5, 19_999)), "kept once");
    }
  }

  @Test
  void rowsOfALargeVocabularyAreNotKept() {
    for (KnownRows none : List.of(new KnownRows(5_000, true), new KnownRows(100, false))) {
      try (none; NativeFloats computed = NativeFloats.allocate(5_000)) {
        assertFalse(none.kept());
        none.keep(after(1), computed, 0);
        assertEquals(-1, none.find(after(1)));
      }
    }
  }

  private static Model model() {
    assumeTrue(AttentionKernel.oneRow(), "small models are decoded by llama.cpp here");
    return Model.load(TestModels.write(dir, "tiny-qwen2", GgmlType.F32));
  }

  private static BatchedPolicy policy(Model model, int lanes, int cells) {
    return BatchedPolicy.of(model, null, null, new BatchedPolicy.Options(lanes, 1, 20, cells, 180));
  }

  private static long rows(BatchedPolicy policy) {
    return policy.counters().drawn() - policy.counters().shared();
  }

  @Test
  void whatAnotherCallHasComputedIsDrawnWithoutARow() throws Exception {
    try (Model model = model(); BatchedPolicy policy = policy(model, 1, 1024)) {
      TokenPath root = TokenPath.root(new Random(3).ints(20, 32, 127).toArray()).extend(70);
      Request one = new Request(new DrawKey(1, 2, 3, 0), GREEDY, StopRule.never());
      Request other = new Request(new DrawKey(1, 2, 3, 1), GREEDY, StopRule.never());
      Generation first = policy.generate(root, List.of(one)).getFirst();
      RolloutCounters.Reading once = policy.counters();
      assertEquals(12, rows(policy));
      assertEquals(told(first), told(policy.generate(root, List.of(other)).getFirst()));
      assertEquals(once.computed(), policy.counters().computed(), "nothing was computed");
      assertEquals(once.steps(), policy.counters().steps());
      assertEquals(24, policy.counters().drawn());

      // On from the middle of what is known, and past its end: the thirteenth token's row is the first that is missing.
      TokenPath middle = root.extend(Arrays.copyOf(first.tokens(), 5));
      Generation longer = policy.generate(middle,
          List.of(new Request(new DrawKey(1, 2, 4, 0), SamplingSettings.greedy(20), StopRule.never()))).getFirst();
      assertEquals(Arrays.toString(Arrays.copyOfRange(first.tokens(), 5, 12)), Arrays.toString(Arrays.copyOf(longer.tokens(), 7)));
      assertEquals(12 + 13, rows(policy));
      assertEquals(once.computed() + 13, policy.counters().computed(), "its tokens were in the cache");

      StopRule bad = (text, newFrom) -> { throw new UnsupportedOperationException("no"); };
      assertThrows(UnsupportedOperationException.class,
          () -> policy.generate(root, List.of(new Request(new DrawKey(1, 2, 5, 0), GREEDY, bad))));
      assertEquals(told(first), told(policy.generate(root, List.of(other)).getFirst()), "the others go on");
    }
  }

  private static String told(Generation g) {
    return g.finish() + Arrays.toString(g.tokens()) + Arrays.toString(g.logProbs()) + g.text();
  }

  /** Trees whose rounds, rollouts and next steps say much the same; each request with a rule of its own is computed draw by draw. */
  private static List<String> grow(BatchedPolicy policy, boolean ownRules, int atOnce) throws Exception {
    List<Callable<List<String>>> trees = new ArrayList<>();
    for (int t = 0; t < 8; t++) {
      int tree = t;
      trees.add(() -> {
        List<String> seen = new ArrayList<>();
        TokenPath node = TokenPath.root(new Random(tree).ints(6 + 5 * tree, 32, 127).toArray());
        for (int depth = 0; depth < 4; depth++) {
          int end = 8;
          StopRule step = (text, newFrom) -> text.length() >= end;
          List<Generation> found = new ArrayList<>();
          for (int round = 0; round < 3; round++) {
            found.addAll(policy.generate(node, requests(tree, 10 * depth + round, 30, ownRules, step, end)));
          }
          for (int c = 0; c < 2; c++) {
            found.addAll(policy.generate(node.extend(found.get(c).tokens()),
                requests(tree, 10 * depth + 5 + c, 24, ownRules, StopRule.never(), Integer.MAX_VALUE)));
          }
          found.forEach(g -> seen.add(told(g)));
          node = node.extend(found.getFirst().tokens());
        }
        return seen;
      });
    }
    List<String> all = new ArrayList<>();
    try (var pool = Executors.newFixedThreadPool(atOnce, Thread.ofVirtual().factory())) {
      for (Future<List<String>> f : pool.invokeAll(trees)) {
        all.addAll(f.get());
      }
    }
    return all;
  }

  private static List<Request> requests(int tree, int node, int tokens, boolean ownRules, StopRule rule, int end) {
    List<Request> all = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      SamplingSettings sampling = SamplingSettings.temperature(i == 0 ? 0.3f : 0.02f, tokens);
      all.add(new Request(new DrawKey(1, tree, node, i), sampling, ownRules ? (text, from) -> text.length() >= end : rule));
    }
    return all;
  }

  @Test
  void treesAreTheSameWithKnownRows() throws Exception {
    try (Model model = model()) {
      List<String> plain;
      long all;
      try (BatchedPolicy policy = policy(model, 1, 4096)) {
        plain = grow(policy, true, 1);
        all = rows(policy);
      }
      for (int[] shape : new int[][] {{1, 4096, 1}, {1, 4096, 8}, {2, 1024, 8}, {1, 256, 8}}) {
        try (BatchedPolicy policy = policy(model, shape[0], shape[1])) {
          assertEquals(plain, grow(policy, false, shape[2]), Arrays.toString(shape));
          RolloutCounters.Reading c = policy.counters();
          assertEquals(c.computed(), c.drawn() - c.shared() + c.paths() + c.again() + c.padding(), c::toString);
          assertTrue(rows(policy) < all / 2, rows(policy) + " rows of " + all);
          assertTrue(shape[1] > 256 || c.again() > 0 && c.compactions() > 3, c::toString);
          long before = rows(policy);
          assertEquals(plain, grow(policy, false, 2), "once more");
          assertTrue(shape[0] > 1 || rows(policy) - before < before / 4, "each lane knows its own: " + (rows(policy) - before) + " of " + before);
        }
      }
    }
  }
}
