package dev.sphere.bindings.llama;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.bindings.device.Emulated;
import dev.sphere.bindings.kernel.Draws;
import dev.sphere.bindings.kernel.TargetLogProbs;
import dev.sphere.bindings.tensor.Backend;
import dev.sphere.bindings.tensor.Graph;
import dev.sphere.bindings.tensor.NativeFloats;
import dev.sphere.bindings.tensor.Tensor;
import dev.sphere.bindings.tensor.TensorType;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.RandomModel;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Logits that stay where the backend leaves them, against those that llama.cpp copies: the same bits, the same draws. */
class LogitsInPlaceTest {
  private static final int SEQUENCES = 6;

  @TempDir static Path dir;
  private static Model model;

  @BeforeAll
  static void load() {
    Path file = dir.resolve("tiny.gguf");
    RandomModel.write(RandomModel.like("tiny-qwen2"), ByteVocabulary.metadata(), GgmlType.F32, 3, file);
    model = Model.load(file);
  }

  @AfterAll
  static void close() {
    model.close();
  }

  /** The context whose logits stay, and the one whose logits are copied, fed with the same batches. */
  private static final class Pair implements AutoCloseable {
    final Context inPlace = Context.inPlace(model, ContextOptions.invariant(512, SEQUENCES, 1));
    final Context copied = Context.open(model, ContextOptions.invariant(512, SEQUENCES, 1));
    final Batch batch = new Batch(63);
    final int[] length = new int[SEQUENCES];
    int outputs;

    void add(int sequence, int token, boolean output) {
      batch.add(token, length[sequence]++, sequence, output);
      outputs += output ? 1 : 0;
    }

    void decode() {
      inPlace.decode(batch);
      copied.decode(batch);
    }

    void next() {
      batch.clear();
      outputs = 0;
    }

    float[] rows(Context context) {
      float[] rows = new float[outputs * model.vocabulary().size()];
      context.logits().read(0, rows);
      return rows;
    }

    @Override
    public void close() {
      batch.close();
      copied.close();
      inPlace.close();
    }
  }

  @Test
  void theSameRowsWhateverTheBatch() {
    Random random = new Random(7);
    try (Pair pair = new Pair()) {
      assertTrue(pair.inPlace.keepsLogits());
      assertFalse(pair.copied.keepsLogits());
      for (int step = 0; step < 60; step++) {
        pair.next();
        boolean steady = step % 10 < 5; // the same sequences again: llama.cpp uses its graph again
        for (int s = 0; s < SEQUENCES; s++) {
          int tokens = steady ? 1 : random.nextInt(4);
          for (int t = 0; t < tokens; t++) {
            pair.add(s, 32 + random.nextInt(90), steady || random.nextInt(3) > 0);
          }
        }
        if (pair.batch.size() == 0) {
          continue;
        }
        pair.decode();
        if (pair.outputs == 0) {
          assertThrows(IllegalStateException.class, pair.inPlace::logits);
        } else {
          assertArrayEquals(pair.rows(pair.copied), pair.rows(pair.inPlace), "step " + step);
          assertNothingCopied(pair.inPlace, pair.outputs);
        }
        if (step % 17 == 16) {
          pair.inPlace.compact();
          pair.copied.compact();
        }
      }
    }
  }

  /** llama.cpp's own buffer for the host, zeroed when it was made, has not been written to. */
  private static void assertNothingCopied(Context context, int outputs) {
    long bytes = 4L * outputs * model.vocabulary().size();
    MemorySegment buffer = Llama.callPointer(Llama.GET_LOGITS, context.outputs()).reinterpret(bytes);
    assertEquals(-1, buffer.mismatch(MemorySegment.ofArray(new byte[(int) bytes])));
  }

  @Test
  void drawnByTheDevicesKernelFromThere() {
    try (Pair pair = new Pair();
        Draws there = new Draws(8 * SEQUENCES);
        Draws here = new Draws(8 * SEQUENCES)) {
      for (int step = 0; step < 8; step++) {
        pair.next();
        for (int s = 0; s < SEQUENCES; s++) {
          pair.add(s, step == 0 ? 65 + s : here.token(8 * s), true);
        }
        pair.decode();
        there.clear();
        here.clear();
        for (int s = 0; s < SEQUENCES; s++) {
          for (int k = 0; k < 8; k++) {
            for (Draws d : new Draws[] {there, here}) {
              d.add(s, 1, 2, k, s, step, k % 4 == 3 ? 0 : 0.8f, k % 3 == 1 ? 40 : 0, k % 2 == 1 ? 0.9f : 1, 0);
            }
          }
        }
        int vocabulary = model.vocabulary().size();
        here.sample(pair.copied.logits(), vocabulary, 1);
        Emulated.attach();
        Emulated.unified(true); // what ggml's CPU backend leaves counts as the device's
        long calls = Emulated.calls();
        there.sample(pair.inPlace.logits(), vocabulary, 1);
        assertTrue(Emulated.calls() - calls > 3, "the device was asked");
        Emulated.unified(false);
        Emulated.detach();
        for (int i = 0; i < here.size(); i++) {
          assertEquals(here.token(i), there.token(i), "step " + step + ", draw " + i);
          assertEquals(here.logProb(i), there.logProb(i), 1e-5);
        }
      }
    } finally {
      Emulated.unified(false);
      Emulated.close();
    }
    assertEquals(0, Emulated.live(), "left on the device");
  }

  @Test
  void viewsEndWithWhatTheyShow() {
    ContextOptions options = ContextOptions.invariant(256, SEQUENCES, 1);
    var hidden = new ContextOptions(256, 64, 32, SEQUENCES, 1, true, true, KvType.F16, true);
    List<Supplier<Decoder>> all = List.of(
        () -> Context.open(model, options), () -> Context.inPlace(model, options), () -> Context.open(model, hidden),
        () -> Decoder.open(model, null, options), () -> Decoder.open(model, null, hidden));
    for (Supplier<Decoder> open : all) {
      NativeFloats first;
      NativeFloats last;
      List<NativeFloats> states = new ArrayList<>();
      try (Decoder decoder = open.get(); Batch batch = new Batch(4); Draws draws = new Draws(1)) {
        batch.add(65, 0, 0, true);
        batch.add(66, 1, 0, true);
        decoder.decode(batch);
        first = decoder.logits();
        assertSame(first, decoder.logits());
        assertTrue(Float.isFinite(first.get(0)));
        if (decoder.options().embeddings()) {
          states.add(decoder.embeddings());
          assertTrue(Float.isFinite(states.getFirst().get(0)));
        }
        batch.clear();
        batch.add(67, 2, 0, true);
        batch.add(68, 3, 0, true);
        decoder.decode(batch);
        gone(first);
        states.forEach(LogitsInPlaceTest::gone);
        draws.add(0, 1, 2, 3, 4, 5, 1, 0, 1, 0);
        assertThrows(IllegalStateException.class, () -> draws.sample(first, ByteVocabulary.SIZE, 1));
        last = decoder.logits();
        last.close(); // whoever closes a view gets another
        last = decoder.logits();
        assertTrue(Float.isFinite(last.get(0)));
      }
      gone(last);
    }
  }

  private static void gone(NativeFloats view) {
    IllegalStateException e = assertThrows(IllegalStateException.class, () -> view.get(0));
    assertTrue(e.getMessage().contains("a later decode"), e::getMessage);
    assertThrows(IllegalStateException.class, () -> view.read(0, new float[1]));
  }

  @Test
  void viewsOfTensorsEndWithTheirOwner() {
    NativeFloats view;
    try (Backend backend = Backend.cpu(1); Graph graph = new Graph(backend, 4)) {
      Tensor input = graph.input(TensorType.F32, 8);
      graph.keep(graph.scale(input, 2));
      graph.allocate();
      view = input.floats();
      assertEquals(8, view.size());
      view.set(3, 1f);
    }
    assertThrows(IllegalStateException.class, () -> view.get(3));
    assertThrows(IllegalStateException.class, () -> view.write(0, new float[1]));
  }

  @Test
  void numbersThatNoMemoryFits() {
    try (NativeFloats four = NativeFloats.allocate(4); Draws draws = new Draws(1);
        TargetLogProbs targets = new TargetLogProbs(1)) {
      for (int vocabulary : new int[] {0, -1, Integer.MIN_VALUE}) {
        assertThrows(IllegalArgumentException.class, () -> draws.sample(four, vocabulary, 1));
        assertThrows(IllegalArgumentException.class, () -> targets.compute(four, vocabulary, 1));
      }
    }
    assertThrows(IllegalArgumentException.class, () -> ContextOptions.invariant(512, SEQUENCES, 513));
    assertThrows(IllegalArgumentException.class, () -> Backend.cpu(Integer.MAX_VALUE));
  }

  @Test
  void shapesThatCannotKeepThem() {
    ContextOptions plain = ContextOptions.invariant(512, SEQUENCES, 1);
    for (boolean unified : new boolean[] {true, false}) {
      var options = new ContextOptions(512, 64, 32, SEQUENCES, 1, unified, true, KvType.F16, unified);
      try (Context context = Context.inPlace(model, options)) {
        assertFalse(context.keepsLogits(), options::toString);
      }
    }
    try (Context context = Context.keepingLogits(model, plain)) {
      assertFalse(context.keepsLogits(), "the CPU's are copied: it is one memory, and less of it is taken");
    }
    var small = new ContextOptions(512, 64, 32, SEQUENCES, 1, true, true, KvType.F16, false);
    try (Context context = Context.inPlace(model, small);
        Batch batch = new Batch(64)) {
      for (int i = 0; i < 33; i++) {
        batch.add(65, i, 0, false);
      }
      assertThrows(IllegalArgumentException.class, () -> context.decode(batch));
    }
  }
}
