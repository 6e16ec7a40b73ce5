package dev.sphere.bindings.llama;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sphere.bindings.device.Device;
import dev.sphere.bindings.kernel.AttentionKernel;
import dev.sphere.bindings.load.LlamaException;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.RandomModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The tree decoder's cache: whatever is done to it, a token's logits are those of its path alone, bit for bit. */
class TreeDecoderCacheTest {
  private static final int SEQUENCES = 9;
  private static final int CELLS = 150;

  @TempDir static Path dir;

  @BeforeAll
  static void hasKernels() {
    assumeTrue(AttentionKernel.oneRow() && Device.current().computesOnCores() && System.getenv("SPHERE_DECODER") == null,
        "no AVX2 or NEON, another llama.cpp, or switched off");
  }

  private static Model load(String like, GgmlType type) {
    Path file = dir.resolve(like + "-" + type.label() + ".gguf");
    RandomModel.write(RandomModel.like(like), ByteVocabulary.metadata(), type, 6, file);
    return Model.load(file);
  }

  /** Logits after each path, computed token by token in a decoder of its own. */
  private static final class Alone implements AutoCloseable {
    private final Map<List<Integer>, float[]> known = new HashMap<>();
    private final Decoder decoder;
    private final Batch batch = new Batch(1);

    Alone(Model model) {
      decoder = TreeDecoder.open(model, ContextOptions.invariant(CELLS, 1, 1));
    }

    float[] after(List<Integer> path) {
      float[] found = known.get(path);
      if (found == null) {
        decoder.clear();
        for (int i = 0; i < path.size(); i++) {
          batch.clear();
          batch.add(path.get(i), i, 0, i + 1 == path.size());
          decoder.decode(batch);
        }
        found = TreeDecoderTest.read(decoder.logits());
        known.put(List.copyOf(path), found);
      }
      return found;
    }

    @Override
    public void close() {
      decoder.close();
      batch.close();
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "F16", "BF16", "Q8_0"})
  void randomForests(GgmlType type) {
    Random random = new Random(type.ordinal());
    List<List<Integer>> paths = new ArrayList<>();
    for (int s = 0; s < SEQUENCES; s++) {
      paths.add(new ArrayList<>());
    }
    int refused = 0;
    int compared = 0;
    try (Model model = load("tiny-llama", type);
        Decoder decoder = TreeDecoder.open(model, ContextOptions.invariant(CELLS, SEQUENCES, 1));
        Alone alone = new Alone(model);
        Batch batch = new Batch(64)) {
      for (int step = 0; step < 600; step++) {
        int s = random.nextInt(SEQUENCES);
        List<Integer> path = paths.get(s);
        switch (random.nextInt(12)) {
          case 0, 1, 2 -> { // s becomes a fork of another
            List<Integer> from = paths.get((s + 1) % SEQUENCES);
            int end = random.nextInt(from.size() + 1);
            decoder.removeSequence(s, -1, -1);
            decoder.copySequence((s + 1) % SEQUENCES, s, 0, end);
            paths.set(s, new ArrayList<>(from.subList(0, end)));
          }
          case 3 -> { // its end is taken off
            int from = random.nextInt(path.size() + 1);
            decoder.removeSequence(s, from, -1);
            path.subList(from, path.size()).clear();
          }
          case 4 -> decoder.compact();
          case 5 -> decoder.copySequence(s, s, -1, -1);
          case 6 -> {
            if (step % 40 == 0) {
              decoder.clear();
              paths.forEach(List::clear);
            }
          }
          default -> {
            batch.clear();
            List<List<Integer>> wanted = new ArrayList<>();
            List<List<Integer>> grown = new ArrayList<>();
            for (List<Integer> each : paths) {
              grown.add(new ArrayList<>(each));
            }
            for (int i = random.nextInt(1, 20); i > 0; i--) {
              int to = random.nextInt(SEQUENCES);
              boolean output = random.nextInt(3) == 0;
              int token = random.nextInt(65, 69);
              batch.add(token, grown.get(to).size(), to, output);
              grown.get(to).add(token);
              if (output) {
                wanted.add(List.copyOf(grown.get(to)));
              }
            }
            try {
              decoder.decode(batch);
              paths = grown;
            } catch (LlamaException e) { // nothing may have changed
              assertTrue(e.getMessage().contains("no room"), e.getMessage());
              refused++;
              continue;
            }
            float[] logits = wanted.isEmpty() ? new float[0] : TreeDecoderTest.read(decoder.logits());
            for (int row = 0; row < wanted.size(); row++) {
              float[] expected = alone.after(wanted.get(row));
              float[] found = java.util.Arrays.copyOfRange(logits, row * expected.length, (row + 1) * expected.length);
              assertArrayEquals(expected, found, 0f, "step " + step + ", row " + row + ", " + wanted.get(row));
              compared++;
            }
          }
        }
        for (int each = 0; each < SEQUENCES; each++) {
          assertEquals(paths.get(each).size() - 1, decoder.lastPosition(each), "step " + step);
        }
      }
    }
    assertTrue(refused > 3 && compared > 300, refused + " refused, " + compared + " compared");
  }

  /** A sequence that gathers others' cells keeps them from being used again, as the engine's graveyard does. */
  @Test
  void aSequenceMayHoldSeveralCellsAtAPosition() {
    try (Model model = load("tiny-qwen2", GgmlType.F32);
        Decoder decoder = TreeDecoder.open(model, ContextOptions.invariant(12, 4, 1));
        Batch batch = new Batch(12)) {
      for (int s = 0; s < 3; s++) {
        for (int i = 0; i < 4; i++) {
          batch.add(65 + i + s, i, s, false);
        }
      }
      decoder.decode(batch);
      for (int s : new int[] {1, 0, 2, 0}) { // the last for nothing: it has these already
        decoder.copySequence(s, 3, -1, -1);
      }
      for (int s = 0; s < 3; s++) {
        decoder.removeSequence(s, -1, -1);
      }
      batch.clear();
      batch.add(65, 0, 0, true);
      assertThrows(LlamaException.class, () -> decoder.decode(batch));
      decoder.removeSequence(3, 1, 3);
      assertEquals(3, decoder.lastPosition(3));
      decoder.decode(batch);
      decoder.removeSequence(3, -1, -1);
      decoder.removeSequence(0, -1, -1);
      assertEquals(-1, decoder.lastPosition(3));
      batch.clear();
      for (int i = 0; i < 12; i++) {
        batch.add(65, i, 0, false);
      }
      decoder.decode(batch); // all cells came back
    }
  }

  @Test
  void whatCannotBeIsRefusedAndChangesNothing() {
    try (Model model = load("tiny-qwen2", GgmlType.F32);
        Decoder decoder = TreeDecoder.open(model, ContextOptions.invariant(16, 4, 1));
        Alone alone = new Alone(model);
        Batch batch = new Batch(32)) {
      batch.add(65, 0, 0, false);
      decoder.decode(batch);
      assertThrows(IllegalStateException.class, decoder::logits);
      assertThrows(IllegalStateException.class, decoder::embeddings);
      int[][] wrong = { // token, position, sequence
        {259, 1, 0}, {-1, 1, 0}, {65, 2, 0}, {65, 0, 0}, {65, -1, 1}, {65, 1 << 20, 1}, {65, 1, 4}, {65, 1, -1}
      };
      for (int[] w : wrong) {
        batch.clear();
        batch.add(66, 1, 0, true);
        batch.add(w[0], w[1] + (w[2] == 0 && w[1] > 0 ? 1 : 0), w[2], true);
        String message = assertThrows(LlamaException.class, () -> decoder.decode(batch)).getMessage();
        assertTrue(message.contains(model.toString()) && message.contains("not valid: token 1 "), message);
        assertThrows(IllegalStateException.class, decoder::logits);
      }
      batch.clear();
      assertThrows(IllegalArgumentException.class, () -> decoder.decode(batch));
      for (int i = 0; i < 16; i++) {
        batch.add(66, i + 1, 0, true);
      }
      String full = assertThrows(LlamaException.class, () -> decoder.decode(batch)).getMessage();
      assertTrue(full.contains("the KV cache of 16 tokens has no room"), full);
      assertThrows(IllegalArgumentException.class, () -> decoder.copySequence(0, 4, -1, -1));
      assertThrows(IllegalArgumentException.class, () -> decoder.removeSequence(-1, -1, -1));
      batch.clear();
      batch.add(66, 1, 0, true);
      decoder.decode(batch);
      assertArrayEquals(alone.after(List.of(65, 66)), TreeDecoderTest.read(decoder.logits()), 0f);
    }
  }

  @Test
  void belongsToItsThreadAndKeepsTheModelsMemory() throws Exception {
    Model model = load("tiny-qwen2", GgmlType.BF16);
    Decoder decoder = Decoder.open(model, null, ContextOptions.invariant(256, 4, 1));
    assertEquals(TreeDecoder.class, decoder.getClass());
    Throwable[] thrown = new Throwable[2];
    Thread other = Thread.ofPlatform().start(() -> {
      thrown[0] = assertThrows(WrongThreadException.class, decoder::clear);
      thrown[1] = assertThrows(WrongThreadException.class, decoder::close);
    });
    other.join();
    assertTrue(thrown[0] != null && thrown[1] != null);
    model.close();
    try (Batch batch = new Batch(1)) {
      batch.add(65, 0, 0, true);
      decoder.decode(batch);
      assertTrue(Float.isFinite(decoder.logits().get(0)));
      decoder.close();
      decoder.close();
      assertThrows(IllegalStateException.class, () -> decoder.decode(batch));
    }
    assertThrows(IllegalStateException.class, () -> TreeDecoder.open(model, ContextOptions.invariant(256, 4, 1)));
  }
}
