package dev.sphere.engine.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sphere.bindings.kernel.AttentionKernel;
import dev.sphere.bindings.llama.ContextOptions;
import dev.sphere.bindings.llama.MemoryEstimate;
import dev.sphere.bindings.llama.Model;
import dev.sphere.bindings.load.LlamaException;
import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Generation.Finish;
import dev.sphere.engine.Policy.Request;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.StopRule;
import dev.sphere.engine.TokenPath;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.GgufTensor;
import dev.sphere.gguf.model.GgufFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The rollout engine on small random models: the same results whatever shares the batch and the cache. */
class BatchedPolicyTest {
  private static final int LONGEST = 180;
  private static final StopRule STEP = (text, newFrom) -> text.length() >= 14; // a step of a random model

  @TempDir static Path dir;

  @ParameterizedTest
  @EnumSource(names = {"F32", "F16", "BF16", "Q8_0", "Q4_K", "Q5_K", "Q6_K"})
  void resultsDoNotDependOnWhatSharesBatchAndCache(GgmlType type) throws Exception {
    assumeTrue(!type.name().endsWith("_K") || AttentionKernel.oneRow());
    Path file = TestModels.write(dir, "tiny-qwen2", type);
    try (Model model = Model.load(file)) {
      List<String> alone = forest(model, options(1, 1, 1, 4096), 1);
      assertTrue(alone.size() > 200, () -> "only " + alone.size() + " generations");
      if (type == GgmlType.F32) {
        assertEquals(alone, forest(model, options(1, 2, 62, 4096), 12), "with two threads");
      }
      assertEquals(alone, forest(model, options(1, 1, 120, 4096), 12));
      assertEquals(alone, forest(model, options(2, 1, 20, 2048), 12));
      assertEquals(alone, forest(model, options(1, 1, 40, 256), 12), "with a cache that is too small");
      assertEquals(alone, forest(model, options(2, 1, 7, 512), 5));
    }
  }

  /** What is longer than a block of attention and shared is computed for all at once, by our decoder and for llama.cpp. */
  @ParameterizedTest
  @ValueSource(strings = {"tiny-qwen2", "tiny-phi3"})
  void longPathsThatShareTheirBeginning(String like) throws Exception {
    int[] shared = prompt(77, AttentionKernel.BLOCK + 50);
    try (Model model = Model.load(TestModels.write(dir, like, GgmlType.F32))) {
      List<String> alone = after(shared, model, new BatchedPolicy.Options(1, 1, 1, 2048, 700), 1);
      assertEquals(alone, after(shared, model, new BatchedPolicy.Options(1, 2, 60, 2048, 700), 9));
      assertEquals(alone, after(shared, model, new BatchedPolicy.Options(2, 1, 7, 2048, 700), 9));
    }
  }

  private static List<String> after(int[] shared, Model model, BatchedPolicy.Options options, int parallel)
      throws Exception {
    try (BatchedPolicy policy = BatchedPolicy.of(model, null, null, options);
        var pool = Executors.newFixedThreadPool(parallel, Thread.ofVirtual().factory())) {
      List<Callable<List<Generation>>> jobs = new ArrayList<>();
      for (int i = 0; i < 9; i++) {
        TokenPath path = TokenPath.root(shared).extend(prompt(i, 1 + 3 * i));
        int node = i;
        jobs.add(() -> policy.generate(path, requests(node, 3, 12, 0.8f)));
      }
      List<String> all = new ArrayList<>();
      for (Future<List<Generation>> f : pool.invokeAll(jobs)) {
        for (Generation g : f.get()) {
          all.add(Arrays.toString(g.tokens()) + Arrays.toString(g.logProbs()));
        }
      }
      return all;
    }
  }

  @Test
  void moreSequencesThanLlamaCppHoldsAreQueuedAndLanesShareThem() throws Exception {
    Path file = TestModels.write(dir, "tiny-llama", GgmlType.Q8_0);
    try (Model model = Model.load(file)) {
      int many = ContextOptions.MAX_SEQUENCES + 44;
      List<List<String>> found = new ArrayList<>();
      for (BatchedPolicy.Options o :
          List.of(options(1, 1, 16, 1024), options(2, 1, BatchedPolicy.Options.MOST_SLOTS, 8192))) {
        try (BatchedPolicy policy = BatchedPolicy.of(model, null, null, o);
            var pool = Executors.newVirtualThreadPerTaskExecutor()) {
          List<Future<List<Generation>>> calls = new ArrayList<>();
          for (int t = 0; t < 3; t++) {
            TokenPath root = TokenPath.root(prompt(t, 20));
            List<Request> requests = requests(t, many, 6, 1f);
            calls.add(pool.submit(() -> policy.generate(root, requests)));
          }
          List<String> all = new ArrayList<>();
          for (Future<List<Generation>> call : calls) {
            call.get().forEach(g -> all.add(Arrays.toString(g.tokens()) + Arrays.toString(g.logProbs())));
          }
          found.add(all);
        }
      }
      assertEquals(3 * many, found.getFirst().size());
      assertEquals(found.getFirst(), found.getLast());
    }
  }

  @Test
  void aTreesSecondChainMovesToAnIdleLane() throws Exception {
    Path file = TestModels.write(dir, "tiny-qwen2", GgmlType.F32);
    try (Model model = Model.load(file);
        BatchedPolicy policy = BatchedPolicy.of(model, null, null, options(2, 1, 16, 1024));
        var pool = Executors.newVirtualThreadPerTaskExecutor()) {
      TokenPath root = TokenPath.root(prompt(1, 30));
      TokenPath one = root.extend(70);
      TokenPath other = root.extend(71);
      policy.generate(root, requests(1, 2, 1, 1f));
      Set<String> lanes = ConcurrentHashMap.newKeySet();
      CountDownLatch both = new CountDownLatch(2); // each call's lane waits here for the other call's
      StopRule meet = (text, newFrom) -> {
        lanes.add(Thread.currentThread().getName());
        both.countDown();
        try {
          return both.await(60, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
          throw new IllegalStateException(e);
        }
      };
      List<Future<List<Generation>>> calls = new ArrayList<>();
      for (TokenPath path : List.of(one, other)) {
        Request request = new Request(new DrawKey(1, 1, 1, 1), SamplingSettings.greedy(1), meet);
        calls.add(pool.submit(() -> policy.generate(path, List.of(request))));
      }
      for (Future<List<Generation>> call : calls) {
        assertEquals(1, call.get().size());
      }
      assertEquals(2, lanes.size(), lanes::toString);
    }
  }

  @Test
  void whatQuestionsBeginWithIsComputedOnceThoughAllStartAtOnce() throws Exception {
    Path file = TestModels.write(dir, "tiny-qwen2", GgmlType.F32);
    try (Model model = Model.load(file);
        BatchedPolicy policy = BatchedPolicy.of(
            model, null, null, new BatchedPolicy.Options(1, 1, 40, 8192, 1000));
        var pool = Executors.newVirtualThreadPerTaskExecutor()) {
      TokenPath examples = TokenPath.root(prompt(1, 600)); // some micro-batches
      CountDownLatch asked = new CountDownLatch(8);
      StopRule untilAllWait = (text, newFrom) -> {
        try {
          asked.await();
          Thread.sleep(100);
          return true;
        } catch (InterruptedException e) {
          throw new IllegalStateException(e);
        }
      };
      List<Future<List<Generation>>> calls = new ArrayList<>();
      Request busy = new Request(new DrawKey(1, 1, 1, 1), SamplingSettings.greedy(1), untilAllWait);
      calls.add(pool.submit(() -> policy.generate(TokenPath.root(prompt(2, 10)), List.of(busy))));
      Thread.sleep(20);
      for (int question = 0; question < 8; question++) {
        TokenPath path = examples.extend(70 + question);
        calls.add(pool.submit(() -> {
          asked.countDown();
          return policy.generate(path, requests(1, 1, 1, 1f));
        }));
      }
      for (Future<List<Generation>> call : calls) {
        assertEquals(1, call.get().size());
      }
      long computed = policy.counters().computed();
      assertTrue(computed > 600 && computed < 10 + 600 + 8 * 30, "computed " + computed + " tokens");
    }
  }

  @Test
  void aGpuHasOneLoopForAllRollouts() {
    try (Model model = Model.load(TestModels.write(dir, "tiny-qwen2", GgmlType.F32))) {
      assertEquals(1, BatchedPolicy.Options.auto(model, 200, false).lanes());
      assertEquals(200, BatchedPolicy.Options.auto(model, 200, false).slots());
      int cores = Runtime.getRuntime().availableProcessors();
      assertEquals(cores, BatchedPolicy.Options.auto(model, 200, true).lanes());
    }
  }

  @Test
  void aCacheThatIsTooSmallDisplacesAndCompacts() throws Exception {
    Path file = TestModels.write(dir, "tiny-llama", GgmlType.F32);
    try (Model model = Model.load(file);
        BatchedPolicy policy = BatchedPolicy.of(model, null, null, options(1, 1, 40, 256))) {
      grow(policy, 12);
      RolloutCounters.Reading counters = policy.counters();
      assertTrue(counters.compactions() > 3, counters::toString);
      assertTrue(counters.displaced() > 0, counters::toString);
      assertTrue(counters.again() > 0, counters::toString);
      assertTrue(counters.shared() > 0, counters::toString);
      addsUp(counters);
    }
    try (Model model = Model.load(file);
        BatchedPolicy policy = BatchedPolicy.of(model, null, null, options(1, 1, 40, 4096))) {
      grow(policy, 12);
      assertEquals(0, policy.counters().displaced());
      assertTrue(policy.counters().paths() > 0, policy.counters()::toString);
      assertEquals(policy.counters().drawn(), policy.drawn());
      addsUp(policy.counters());
    }
  }

  private static void addsUp(RolloutCounters.Reading c) {
    assertEquals(c.computed(), c.drawn() - c.shared() + c.paths() + c.again() + c.padding(), c::toString);
    assertEquals(2 * c.drawn(), c.plus(c).drawn());
    assertEquals(2 * c.again(), c.plus(c).again());
  }

  /** 77 rollouts of SmolLM2 with 200 tokens each do not fit into 16,384 cells with what is retired: a quarter was computed again. */
  @Test
  void aCacheHasRoomForItsSlotsWhereMemoryAllows() {
    double smol = 30 * 3 * 128 * 2.0;
    assertEquals(32_768, BatchedPolicy.Options.cells(62, smol, 8L << 30));
    assertEquals(16_384, BatchedPolicy.Options.cells(62, smol, 1L << 30), "a quarter of what is free");
    assertEquals(18_688, BatchedPolicy.Options.cells(62, 28 * 4 * 256 * 2.0, 64L << 30), "1 GiB");
    assertEquals(16_384, BatchedPolicy.Options.cells(8, smol, 8L << 30));
    try (Model model = Model.load(TestModels.write(dir, "tiny-qwen2", GgmlType.F32))) {
      assertEquals(MemoryEstimate.of(model, ContextOptions.invariant(512, 8, 1)).cacheBytes(),
          512 * MemoryEstimate.cellBytes(model, ContextOptions.invariant(512, 8, 1).kvType()), 1e-6);
    }
  }

  @Test
  void aPathIsComputedOnceForAllItsDescendants() throws Exception {
    Path file = TestModels.write(dir, "tiny-qwen2", GgmlType.F32);
    try (Model model = Model.load(file);
        BatchedPolicy policy = BatchedPolicy.of(model, null, null, options(1, 1, 8, 4096))) {
      TokenPath root = TokenPath.root(prompt(3, 100));
      Generation first = policy.generate(root, steps(1, 5)).get(2);
      assertEquals(Finish.STOP, first.finish());
      long computed = policy.counters().computed();
      assertTrue(computed >= 100 && computed < 100 + 5 * 20 + 40, "computed " + computed);
      policy.generate(root.extend(first.tokens()), requests(2, 1, 1, 0.8f));
      long more = policy.counters().computed() - computed;
      assertTrue(more <= 2, "a candidate's extension computed " + more + " tokens, not its last one alone");
    }
  }

  /** Draws of one call that agree are one sequence, until they differ: computed once, and with the results of each alone. */
  @Test
  void drawsThatAgreeAreComputedOnce() throws Exception {
    Path file = TestModels.write(dir, "tiny-qwen2", GgmlType.F32);
    try (Model model = Model.load(file);
        BatchedPolicy policy = BatchedPolicy.of(model, null, null, options(1, 1, 40, 1024))) {
      TokenPath root = TokenPath.root(prompt(8, 20));
      List<Request> greedy = Collections.nCopies(8, new Request(new DrawKey(1, 2, 3, 0), SamplingSettings.greedy(12), StopRule.never()));
      List<Generation> same = policy.generate(root, greedy);
      RolloutCounters.Reading c = policy.counters();
      assertEquals(1, Set.copyOf(same.stream().map(BatchedPolicyTest::told).toList()).size());
      assertEquals(8 * 12, c.drawn());
      assertEquals(7 * 12, c.shared(), "one row draws for all");
      addsUp(c);

      List<Request> some = new ArrayList<>(); // some go together for a while, and two differ in how they end
      for (int i = 0; i < 24; i++) {
        float temperature = new float[] {0, 0.01f, 0.03f, 0.1f}[i % 4];
        some.add(new Request(new DrawKey(1, 2, 4, i), SamplingSettings.temperature(temperature, 12), StopRule.never()));
      }
      List<String> together = policy.generate(root, some).stream().map(BatchedPolicyTest::told).toList();
      long rows = policy.counters().drawn() - policy.counters().shared() - (c.drawn() - c.shared());
      assertTrue(Set.copyOf(together).size() > 3, together::toString);
      assertTrue(rows > 12 && rows < 24 * 12 - 60, "rows " + rows);
      addsUp(policy.counters());
      for (int i = 0; i < some.size(); i++) {
        assertEquals(together.get(i), told(policy.generate(root, List.of(some.get(i))).getFirst()));
      }

      Request shorter = new Request(new DrawKey(1, 2, 3, 0), SamplingSettings.greedy(5), StopRule.never());
      Request stopped = new Request(new DrawKey(1, 2, 3, 0), SamplingSettings.greedy(12), (text, newFrom) -> text.length() >= 3);
      List<Generation> limits = policy.generate(root, List.of(greedy.getFirst(), shorter));
      assertEquals(told(same.getFirst()), told(limits.getFirst()));
      assertEquals(5, limits.getLast().tokens().length);
      assertEquals(Finish.LENGTH, limits.getLast().finish());
      List<Generation> rules = policy.generate(root, List.of(greedy.getFirst(), stopped));
      assertEquals(told(same.getFirst()), told(rules.getFirst()));
      assertEquals(Finish.STOP, rules.getLast().finish());
    }
  }

  private static String told(Generation g) {
    return g.finish() + Arrays.toString(g.tokens()) + Arrays.toString(g.logProbs()) + g.text();
  }

  @Test
  void twoTextsGoOnFromTheMiddleOfACharacter() {
    Utf8Assembler one = new Utf8Assembler();
    one.add(new byte[] {'a', (byte) 0xE2, (byte) 0x82});
    Utf8Assembler other = one.copy();
    one.add(new byte[] {(byte) 0xAC, 'b'});
    other.add(new byte[] {(byte) 0xAB});
    assertEquals("a\u20ACb", one.finish());
    assertEquals("a\u20AB", other.finish());
  }

  @Test
  void greedyIsTheTokenByTokenArgmaxAndLimitsMarkATruncation() throws Exception {
    Path file = TestModels.write(dir, "tiny-qwen2", GgmlType.F32);
    try (Model model = Model.load(file);
        BatchedPolicy policy = BatchedPolicy.of(model, null, null, options(1, 1, 4, 1024))) {
      TokenPath root = TokenPath.root(prompt(5, 20));
      Request greedy = new Request(new DrawKey(1, 2, 3, 0), SamplingSettings.greedy(12), StopRule.never());
      Generation whole = policy.generate(root, List.of(greedy)).getFirst();
      assertEquals(Finish.LENGTH, whole.finish());
      assertEquals(12, whole.tokens().length);
      TokenPath path = root;
      for (int i = 0; i < 12; i++) {
        Request one = new Request(new DrawKey(9, 9, i, 0), SamplingSettings.greedy(1), StopRule.never());
        Generation token = policy.generate(path, List.of(one)).getFirst();
        assertEquals(whole.tokens()[i], token.tokens()[0]);
        assertEquals(whole.logProbs()[i], token.logProbs()[0]);
        path = path.extend(token.tokens());
      }
      Request endless = new Request(new DrawKey(1, 2, 3, 0), SamplingSettings.greedy(5000), StopRule.never());
      Generation full = policy.generate(root, List.of(endless)).getFirst();
      assertEquals(Finish.LENGTH, full.finish());
      assertEquals(LONGEST, 20 + full.tokens().length);
      Generation none = policy.generate(TokenPath.root(prompt(1, LONGEST)), List.of(endless)).getFirst();
      assertEquals(Finish.LENGTH, none.finish());
      assertEquals(0, none.tokens().length);
    }
  }

  @Test
  void aFailingStopRuleFailsItsCallAlone() throws Exception {
    Path file = TestModels.write(dir, "tiny-qwen2", GgmlType.F32);
    try (Model model = Model.load(file);
        BatchedPolicy policy = BatchedPolicy.of(model, null, null, options(1, 1, 8, 1024))) {
      StopRule bad = (text, newFrom) -> { throw new UnsupportedOperationException("no"); };
      Request failing = new Request(new DrawKey(1, 2, 3, 0), SamplingSettings.greedy(5), bad);
      TokenPath root = TokenPath.root(prompt(1, 10));
      assertThrows(UnsupportedOperationException.class, () -> policy.generate(root, List.of(failing, failing)));
      assertEquals(3, policy.generate(root, requests(1, 3, 5, 1f)).size());
    }
  }

  @Test
  void nanIsAnErrorThatNamesModelAndToken() throws Exception {
    Path file = dir.resolve("damaged.gguf");
    Files.copy(TestModels.write(dir, "tiny-qwen2", GgmlType.F32), file);
    try (GgufFile gguf = GgufFile.open(file);
        FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      GgufTensor embeddings = gguf.tensor("token_embd.weight");
      ByteBuffer nan = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putFloat(0, Float.NaN);
      channel.write(nan, embeddings.offset() + 77 * embeddings.rowLength() * 4 + 40);
    }
    try (Model model = Model.load(file);
        BatchedPolicy policy = BatchedPolicy.of(model, null, null, options(1, 1, 8, 1024))) {
      TokenPath path = TokenPath.root(new int[] {65, 66, 67, 77});
      String message =
          assertThrows(LlamaException.class, () -> policy.generate(path, requests(1, 3, 5, 1f))).getMessage();
      assertTrue(message.contains("damaged.gguf"), message);
      assertTrue(message.contains("after token 77 at position 3"), message);
    }
  }

  @Test
  void anInterruptedCallLeavesNothingBehindAndCloseFailsTheRest() throws Exception {
    Path file = TestModels.write(dir, "tiny-qwen2", GgmlType.F32);
    try (Model model = Model.load(file)) {
      BatchedPolicy policy = BatchedPolicy.of(model, null, null, options(1, 1, 8, 1024));
      TokenPath root = TokenPath.root(prompt(1, 10));
      Thread caller =
          Thread.ofVirtual()
              .start(
                  () ->
                      assertThrows(
                          InterruptedException.class, () -> policy.generate(root, requests(1, 40, 100, 1f))));
      caller.interrupt();
      caller.join();
      assertEquals(3, policy.generate(root, requests(1, 3, 5, 1f)).size());
      policy.close();
      policy.close();
      assertThrows(IllegalStateException.class, () -> policy.generate(root, requests(1, 3, 5, 1f)));
    }
  }

  private static BatchedPolicy.Options options(int lanes, int threads, int slots, int cells) {
    return new BatchedPolicy.Options(lanes, threads, slots, cells, LONGEST);
  }

  /** All generations of a few trees that grow at once, as text, in a fixed order. */
  private static List<String> forest(Model model, BatchedPolicy.Options options, int parallel) throws Exception {
    try (BatchedPolicy policy = BatchedPolicy.of(model, null, null, options)) {
      return grow(policy, parallel);
    }
  }

  private static List<String> grow(BatchedPolicy policy, int parallel) throws Exception {
    List<Callable<List<String>>> trees = new ArrayList<>();
    for (int t = 0; t < 10; t++) {
      int tree = t;
      trees.add(() -> tree(policy, tree));
    }
    List<String> all = new ArrayList<>();
    try (var pool = Executors.newFixedThreadPool(parallel, Thread.ofVirtual().factory())) {
      for (Future<List<String>> f : pool.invokeAll(trees)) {
        all.addAll(f.get());
      }
    }
    return all;
  }

  private static List<String> tree(BatchedPolicy policy, int tree) throws InterruptedException {
    List<String> seen = new ArrayList<>();
    Random random = new Random(tree);
    List<TokenPath> nodes = new ArrayList<>(List.of(TokenPath.root(prompt(tree, 5 + 7 * tree))));
    for (int i = 0; i < 5; i++) {
      TokenPath node = nodes.get(random.nextInt(nodes.size()));
      List<Request> requests = new ArrayList<>();
      for (int e = 0; e < 5; e++) {
        SamplingSettings sampling =
            e == 4 ? SamplingSettings.greedy(20) : new SamplingSettings(0.8f, e * 7, 1f - 0.02f * e, 0, 20);
        requests.add(new Request(new DrawKey(42, tree, i, e), sampling, STEP));
      }
      for (Generation g : policy.generate(node, requests)) {
        seen.add(Arrays.toString(g.tokens()) + Arrays.toString(g.logProbs()) + g.finish() + g.text());
        if (g.finish() == Finish.STOP) {
          nodes.add(node.extend(g.tokens()));
        }
      }
    }
    return seen;
  }

  private static List<Request> steps(long node, int n) {
    return requests(node, n, 40, 0.8f).stream().map(r -> new Request(r.key(), r.sampling(), STEP)).toList();
  }

  private static List<Request> requests(long node, int n, int maxTokens, float temperature) {
    List<Request> requests = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      requests.add(
          new Request(
              new DrawKey(1, 2, node, i), SamplingSettings.temperature(temperature, maxTokens), StopRule.never()));
    }
    return requests;
  }

  private static int[] prompt(int seed, int length) {
    return new Random(seed).ints(length, 32, 127).toArray();
  }
}
