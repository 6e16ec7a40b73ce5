package dev.sphere.bindings.llama;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.base.InsufficientMemoryException;
import dev.sphere.bindings.load.LlamaException;
import dev.sphere.bindings.load.NativeRuntime;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.RandomModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Models, vocabularies, contexts and adapters: what they say, who may call them, and that closing gives all back. */
class LlamaBindingsTest {
  @TempDir static Path dir;
  static Path file;

  @BeforeAll
  static void write() {
    file = dir.resolve("tiny.gguf");
    RandomModel.write(RandomModel.like("tiny-qwen2"), ByteVocabulary.metadata(), GgmlType.F32, 3, file);
  }

  @Test
  void aModelTellsItsDimensions() {
    try (Model model = Model.load(file)) {
      assertEquals(2, model.layers());
      assertEquals(64, model.width());
      assertEquals(4, model.heads());
      assertEquals(2, model.kvHeads());
      assertEquals(1024, model.trainedContext());
      assertEquals("qwen2", model.metadata("general.architecture").orElseThrow());
      assertTrue(model.metadata("no.such.key").isEmpty());
      assertTrue(model.isPlainTransformer());
      assertTrue(model.parameters() > 50_000);
      assertTrue(model.description().startsWith("qwen2"), model.description());
    }
  }

  @Test
  void tokenizingIsUndoneByDetokenizing() {
    try (Model model = Model.loadVocabulary(file)) {
      Vocabulary v = model.vocabulary();
      for (String text : List.of("", "a", "Grüße, 你好 👋\n\t  x", "1+1=2\0end", "<|im_start|>")) {
        assertEquals(text, v.detokenize(v.tokenize(text, false, false)));
      }
      int[] special = v.tokenize("<|im_start|>x<|im_end|>", false, true);
      assertEquals(3, special.length);
      assertTrue(v.isControl(special[0]));
      assertFalse(v.isControl(special[1]));
      assertTrue(v.isEndOfGeneration(special[2]));
      assertEquals("x", v.detokenize(special));
      assertEquals("<|im_start|>", v.name(special[0]));
      assertArrayEquals(new byte[] {(byte) 0xC3}, v.bytes(v.tokenize("ü", false, false)[0]));
      assertThrows(IllegalArgumentException.class, () -> v.bytes(-1));
      assertThrows(IllegalArgumentException.class, () -> v.bytes(v.size()));
      assertThrows(LlamaException.class, () -> Context.open(model, ContextOptions.invariant(256, 4, 1)));
    }
  }

  @Test
  void compactingKeepsOrderNumbersAndSharing() {
    try (Model model = Model.load(file);
        Context context = Context.open(model, ContextOptions.invariant(256, 8, 1));
        Batch batch = new Batch(63)) {
      fill(batch, 0, 0, 40);
      context.decode(batch);
      context.copySequence(0, 1, 0, 20);
      fill(batch, 2, 0, 60);
      context.decode(batch);
      fill(batch, 1, 20, 10);
      context.decode(batch);
      float[] before = next(context, batch, 1, 30);
      context.removeSequence(1, 30, -1);
      context.removeSequence(0, -1, -1);
      context.removeSequence(2, -1, -1);
      context.compact();
      assertEquals(29, context.lastPosition(1));
      assertEquals(-1, context.lastPosition(0));
      assertArrayEquals(before, next(context, batch, 1, 30), "the same bits after the move");
    }
  }

  private static void fill(Batch batch, int sequence, int from, int n) {
    batch.clear();
    for (int i = 0; i < n; i++) {
      batch.add(40 + (i * 7 + sequence) % 80, from + i, sequence, false);
    }
  }

  /** Logits of one more token of a sequence; another one keeps it company. */
  private static float[] next(Context context, Batch batch, int sequence, int position) {
    batch.clear();
    batch.add(65, position, sequence, true);
    batch.add(0, 0, 7, true);
    context.decode(batch);
    float[] row = new float[ByteVocabulary.SIZE];
    context.logits().read(0, row);
    context.removeSequence(7, -1, -1);
    return row;
  }

  @Test
  void whatCannotWorkIsRefusedInJava() throws Exception {
    assertThrows(
        IllegalArgumentException.class, () -> new ContextOptions(256, 8, 8, 9, 1, true, true, KvType.F16, false));
    assertThrows(IllegalArgumentException.class, () -> ContextOptions.invariant(256, 257, 1));
    try (Model model = Model.load(file);
        Context context = Context.open(model, ContextOptions.invariant(256, 4, 1));
        Batch batch = new Batch(300)) {
      assertThrows(IllegalArgumentException.class, () -> context.decode(batch), "an empty batch");
      assertThrows(IllegalStateException.class, context::logits);
      assertThrows(IllegalArgumentException.class, () -> context.copySequence(0, 4, 0, 1));
      batch.add(-1, 0, 0, true);
      assertThrows(LlamaException.class, () -> context.decode(batch), "a token that does not exist");
      batch.clear();
      batch.add(1, 5, 4, true);
      assertThrows(IllegalArgumentException.class, () -> context.decode(batch), "a sequence that does not exist");
      for (int round = 0; round < 4; round++) {
        fill(batch, round, 0, 63);
        context.decode(batch);
      }
      batch.clear();
      fill(batch, 0, 63, 63);
      String full = assertThrows(LlamaException.class, () -> context.decode(batch)).getMessage();
      assertTrue(full.contains("no room"), full);
      Thread other = Thread.ofPlatform().start(() -> assertThrows(WrongThreadException.class, context::clear));
      other.join();
    }
    ContextOptions huge = ContextOptions.invariant(2_000_000_000, 4, 1);
    try (Model model = Model.load(file)) {
      String message = assertThrows(InsufficientMemoryException.class, () -> Context.open(model, huge)).getMessage();
      assertTrue(message.contains("GiB") && message.contains("available"), message);
    }
    assertThrows(RuntimeException.class, () -> Model.load(dir.resolve("missing.gguf")));
    assertThrows(RuntimeException.class, () -> Adapter.load(Model.load(file), file), "a model is no adapter");
  }

  @Test
  void closingIsIdempotentAndTheContextOutlivesItsModelsClose() {
    Model model = Model.load(file);
    Context context = Context.open(model, ContextOptions.invariant(256, 4, 1));
    model.close();
    model.close();
    assertThrows(IllegalStateException.class, () -> Context.open(model, ContextOptions.invariant(256, 4, 1)));
    try (Batch batch = new Batch(4)) {
      batch.add(1, 0, 0, true);
      context.decode(batch);
      assertEquals(ByteVocabulary.SIZE, context.logits().size());
    }
    context.close();
    context.close();
    assertThrows(IllegalStateException.class, context::clear);
    assertThrows(IllegalStateException.class, model::layers);
  }

  @Test
  void llamaSpeaksThroughTheCallback(@TempDir Path temp) throws Throwable {
    NativeRuntime.clearRecentProblems();
    Path file = Files.writeString(temp.resolve("no.gguf"), "this is no model");
    try (var arena = java.lang.foreign.Arena.ofConfined()) {
      var params = (java.lang.foreign.MemorySegment) Llama.MODEL_DEFAULT_PARAMS.invoke(
          (java.lang.foreign.SegmentAllocator) arena);
      var model = (java.lang.foreign.MemorySegment) Llama.MODEL_LOAD.invoke(arena.allocateFrom(file.toString()), params);
      assertEquals(0, model.address());
    }
    assertTrue(NativeRuntime.recentProblems().stream().anyMatch(line -> line.contains("magic")),
        () -> NativeRuntime.recentProblems().toString());
    assertThrows(RuntimeException.class, () -> Model.load(file)); // and our own check comes before it
  }
}
