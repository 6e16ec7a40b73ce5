package dev.sphere.engine.decode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.bindings.llama.Batch;
import dev.sphere.bindings.llama.Context;
import dev.sphere.bindings.llama.ContextOptions;
import dev.sphere.bindings.llama.Model;
import dev.sphere.engine.decode.Scorer.Reading;
import dev.sphere.engine.decode.Scorer.Text;
import dev.sphere.gguf.GgmlType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Readings of texts that go on: hidden states and log-probabilities, alone and together. */
class ScorerReadingTest {
  @TempDir Path dir;

  /** The same outputs, one text at a time in a context of its own, token rows of the final micro-batch. */
  private static float[] plainHidden(Model model, int[] tokens) {
    ContextOptions o = ContextOptions.invariant(1024, 3, 1);
    ContextOptions hidden = new ContextOptions(o.cells(), o.batch(), o.microBatch(), o.sequences(), o.threads(),
        o.unified(), o.flashAttention(), o.kvType(), true);
    try (Context context = Context.open(model, hidden); Batch batch = new Batch(63)) {
      float[] last = new float[model.width()];
      for (int from = 0; from < tokens.length; from += 61) {
        int to = Math.min(tokens.length, from + 61);
        batch.clear();
        for (int i = from; i < to; i++) {
          batch.add(tokens[i], i, 0, true);
        }
        int rows = batch.size();
        if (rows == 1) {
          batch.add(0, 0, 1, true);
        }
        context.decode(batch);
        context.embeddings().read((long) (rows - 1) * last.length, last);
        if (batch.size() > rows) {
          context.removeSequence(1, -1, -1);
        }
      }
      return last;
    }
  }

  private static List<int[]> texts(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    List<int[]> texts = new ArrayList<>();
    int[] prompt = random.ints(90, 3, 250).toArray();
    for (int branch = 0; branch < 4; branch++) {
      int[] step = random.ints(1 + random.nextInt(40), 3, 250).toArray();
      int[] text = java.util.Arrays.copyOf(prompt, prompt.length + step.length);
      System.arraycopy(step, 0, text, prompt.length, step.length);
      texts.add(text);
      texts.add(java.util.Arrays.copyOf(text, text.length - step.length / 2));
    }
    texts.add(new int[] {7});
    return texts;
  }

  @Test
  void hiddenStatesAndLogProbsAreThoseOfThePlainWay() throws Exception {
    Path file = TestModels.write(dir, "tiny-qwen2", GgmlType.F16);
    List<int[]> texts = texts(1);
    try (Model model = Model.load(file);
        Scorer scorer = Scorer.of(model, null, 1, 1, 1024);
        Scorer states = Scorer.open(file, true);
        Scorer logits = Scorer.open(file, false)) {
      List<Reading> hidden = states.read(1, texts.stream().map(t -> Text.atEnd(t)).toList());
      for (int i = 0; i < texts.size(); i++) {
        assertArrayEquals(plainHidden(model, texts.get(i)), hidden.get(i).hidden(), "text " + i);
      }
      for (int[] text : texts) {
        if (text.length > 60) {
          float[] expected = scorer.score(List.of(new Scorer.Row(java.util.Arrays.copyOf(text, 60),
              java.util.Arrays.copyOfRange(text, 60, text.length)))).getFirst();
          assertArrayEquals(expected, logits.read(1, List.of(Text.continuation(text, 60))).getFirst().logProbs());
        }
      }
    }
  }

  /** Many texts at once, in a cache that is far too small for all of them, give what each gives alone. */
  @Test
  void whatSharesTheBatchChangesNothing() throws Exception {
    Path file = TestModels.write(dir, "tiny-llama", GgmlType.Q8_0);
    List<float[]> alone = new ArrayList<>();
    List<Text> probes = new ArrayList<>();
    for (int i = 0; i < 12; i++) {
      for (int[] text : texts(i)) {
        probes.add(Text.atEnd(text, 5, 9));
      }
    }
    for (Text probe : probes.subList(0, 20)) {
      try (Scorer one = Scorer.open(file, false)) {
        alone.add(one.read(0, List.of(probe)).getFirst().logProbs());
      }
    }
    BatchedPolicy.Options tight = new BatchedPolicy.Options(1, 1, 8, 512, 0);
    try (Scorer crowded = Scorer.open(Model.load(file), false, tight);
        var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Callable<float[]>> calls = new ArrayList<>();
      for (Text probe : probes) {
        calls.add(() -> crowded.read(0, List.of(probe)).getFirst().logProbs());
      }
      List<Future<float[]>> all = threads.invokeAll(calls);
      for (int i = 0; i < alone.size(); i++) {
        assertArrayEquals(alone.get(i), all.get(i).get(), "probe " + i);
      }
    }
  }

  @Test
  void aNewStepCostsItsOwnTokens() throws Exception {
    Path file = TestModels.write(dir, "tiny-qwen2", GgmlType.F32);
    int[] text = new SplittableRandom(3).ints(200, 3, 250).toArray();
    try (Scorer scorer = Scorer.open(file, false)) {
      List<Text> siblings = new ArrayList<>();
      for (int i = 0; i < 5; i++) {
        int[] sibling = java.util.Arrays.copyOf(text, 110);
        sibling[100] = 10 + i;
        siblings.add(Text.atEnd(sibling, 1));
      }
      scorer.read(0, siblings);
      assertEquals(100 + 5 * 10, scorer.tokens(), "the prompt is computed once for all siblings");
      int[] child = java.util.Arrays.copyOf(text, 120);
      child[100] = 12;
      long before = scorer.tokens();
      scorer.read(0, List.of(Text.atEnd(child, 1)));
      assertEquals(10, scorer.tokens() - before);
    }
  }

  /** Siblings that begin alike: what they share is computed once, outputs that several want included. */
  @Test
  void whatSiblingsOfOneCallShareIsComputedOnce() throws Exception {
    Path file = TestModels.write(dir, "tiny-qwen2", GgmlType.F16);
    int[] text = new SplittableRandom(4).ints(130, 3, 250).toArray();
    List<Text> siblings = new ArrayList<>();
    for (int end : new int[] {130, 120, 130}) {
      int[] sibling = java.util.Arrays.copyOf(text, end);
      sibling[115] += end == 120 ? 1 : 0;
      siblings.add(Text.continuation(sibling, 100));
    }
    siblings.add(Text.atEnd(java.util.Arrays.copyOf(text, 110), text[110], 7, text[110]));
    try (Scorer together = Scorer.open(file, false)) {
      List<Reading> read = together.read(0, siblings);
      assertEquals(129 + 4, together.tokens());
      for (int i = 0; i < siblings.size(); i++) {
        try (Scorer alone = Scorer.open(file, false)) {
          assertArrayEquals(alone.read(0, List.of(siblings.get(i))).getFirst().logProbs(), read.get(i).logProbs());
        }
      }
    }
  }

  @Test
  void tooLongTextsGiveNothingAndAClosedProberSaysSo() throws Exception {
    Path file = TestModels.write(dir, "tiny-qwen2", GgmlType.F32);
    Scorer scorer = Scorer.open(file, false);
    assertNull(scorer.read(0, List.of(Text.atEnd(new int[scorer.limit() + 1], 1))).getFirst());
    scorer.close();
    scorer.close();
    String message = assertThrows(IllegalStateException.class,
        () -> scorer.read(0, List.of(Text.atEnd(new int[3], 1)))).getMessage();
    assertTrue(message.contains("closed"), message);
  }
}
