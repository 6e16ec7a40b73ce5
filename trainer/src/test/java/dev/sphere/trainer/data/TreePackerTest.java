package dev.sphere.trainer.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.trainer.PackedBatch;
import dev.sphere.trainer.Parameter;
import dev.sphere.trainer.TinyModel;
import dev.sphere.trainer.data.Packing.Sharing;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TreePackerTest {
  private static final int VOCAB = 11;

  private static TrainingSequence sequence(int prompt, int... tokens) {
    return new TrainingSequence(tokens, prompt);
  }

  /** Two pairs of one tree by hand: prompt 1 2, first step 3, then branches. */
  @Test
  void aTreeByHand() {
    var a = new Example.Preference("a", "t", sequence(2, 1, 2, 3, 4, 9), sequence(2, 1, 2, 3, 5, 9));
    var b = new Example.Preference("b", "t", sequence(2, 1, 2, 3, 4, 9), sequence(2, 1, 2, 6, 9));
    List<MicroBatch> packed = new TreePacker(Packing.defaults()).pack(List.of(a, b));
    assertEquals(1, packed.size());
    PackedBatch batch = packed.getFirst().batch();
    assertEquals(1, batch.groups());
    assertArrayEquals(new int[] {1, 2, 3, 4, 5, 6}, batch.tokens());
    assertArrayEquals(new int[] {-1, 0, 1, 2, 2, 1}, batch.parents());
    assertArrayEquals(new int[] {0, 1, 2, 3, 3, 2}, batch.positions());
    // Trained tokens: 3, 4, 9 (after 4), 5, 9 (after 5), 6, 9 (after 6).
    assertArrayEquals(new int[] {1, 2, 3, 2, 4, 1, 5}, batch.sources());
    assertArrayEquals(new int[] {3, 4, 9, 5, 9, 6, 9}, batch.targets());
    int[][][] p = packed.getFirst().predictions();
    assertArrayEquals(new int[][] {{0, 1, 2}, {0, 3, 4}}, p[0]);
    assertArrayEquals(new int[][] {{0, 1, 2}, {5, 6}}, p[1]);
    assertEquals(new PackingStats(19, 15, 6, 6, 7), packed.getFirst().stats());
    assertEquals(0.6, packed.getFirst().stats().saved(), 1e-12);
  }

  @ParameterizedTest
  @EnumSource(Sharing.class)
  void everySequenceCanBeReadBack(Sharing sharing) {
    List<Example> examples = randomTrees(40, 5);
    List<MicroBatch> packed = new TreePacker(new Packing(sharing, 150, 150, 64)).pack(examples);
    boolean[] seen = new boolean[examples.size()];
    for (MicroBatch m : packed) {
      PackedBatch b = m.batch();
      for (int i = 0; i < m.examples().length; i++) {
        assertTrue(!seen[m.examples()[i]], "an example twice");
        seen[m.examples()[i]] = true;
        List<TrainingSequence> sequences = examples.get(m.examples()[i]).sequences();
        for (int k = 0; k < sequences.size(); k++) {
          TrainingSequence s = sequences.get(k);
          int[] predictions = m.predictions()[i][k];
          assertEquals(s.completionLength(), predictions.length);
          for (int j = 0; j < predictions.length; j++) {
            int at = s.promptLength() + j;
            assertEquals(s.tokens()[at], b.targets()[predictions[j]]);
            assertArrayEquals(Arrays.copyOf(s.tokens(), at), path(b, b.sources()[predictions[j]]));
          }
        }
      }
      assertTrue(b.groups() * b.slots() <= 150, "over the budget: " + b.groups() + " x " + b.slots());
      assertEquals(b.usedSlots(), m.stats().usedSlots());
    }
    for (boolean s : seen) {
      assertTrue(s);
    }
  }

  private static int[] path(PackedBatch b, int slot) {
    List<Integer> tokens = new ArrayList<>();
    int base = slot / b.slots() * b.slots();
    for (int s = slot - base; s != PackedBatch.ROOT; s = b.parents()[base + s]) {
      tokens.addFirst(b.tokens()[base + s]);
    }
    assertEquals(tokens.size() - 1, b.positions()[slot]);
    return tokens.stream().mapToInt(Integer::intValue).toArray();
  }

  /** Trained on a tree, on pairs, on plain sequences: the same log-probabilities and the same gradients. */
  @Test
  void sharingChangesNothingButTheCost() {
    List<Example> examples = randomTrees(12, 7);
    float[][] gradients = new float[3][];
    long[] slots = new long[3];
    for (Sharing sharing : Sharing.values()) {
      PackingStats stats = PackingStats.NONE;
      try (TinyModel model = new TinyModel(VOCAB, 3, 1, false)) {
        for (MicroBatch m : new TreePacker(new Packing(sharing, 100, 100, 64)).pack(examples)) {
          float[] weights = new float[m.batch().predictions()];
          for (int i = 0; i < m.examples().length; i++) {
            for (int k = 0; k < 2; k++) {
              for (int index : m.predictions()[i][k]) {
                weights[index] += (k == 0 ? 0.01f : -0.02f) * (1 + m.examples()[i] % 3);
              }
            }
          }
          model.backward(m.batch(), weights);
          stats = stats.plus(m.stats());
        }
        Parameter p = model.parameters().getFirst();
        gradients[sharing.ordinal()] = new float[Math.toIntExact(p.gradient().size())];
        p.gradient().read(0, gradients[sharing.ordinal()]);
        slots[sharing.ordinal()] = stats.usedSlots();
      }
    }
    assertArrayEquals(gradients[2], gradients[0], 2e-6f);
    assertArrayEquals(gradients[2], gradients[1], 2e-6f);
    assertTrue(slots[0] < slots[1] && slots[1] < slots[2], Arrays.toString(slots));
  }

  @Test
  void equalLengthsGiveNoPaddingAndLongExamplesStandAlone() {
    List<Example> equal = new ArrayList<>();
    for (int i = 0; i < 9; i++) {
      equal.add(new Example.Imitation("r" + i, "t" + i, sequence(1, i, 1, 2, 3, 4)));
    }
    List<MicroBatch> packed = new TreePacker(new Packing(Sharing.TREE, 12, 12, 64)).pack(equal);
    assertEquals(3, packed.size());
    for (MicroBatch m : packed) {
      assertEquals(0, m.stats().padding(), "4 slots each, 3 to a micro-batch");
    }
    int[] tokens = new int[40];
    Arrays.fill(tokens, 2);
    List<Example> mixed = new ArrayList<>(equal);
    mixed.add(new Example.Imitation("long", "long", new TrainingSequence(tokens, 1)));
    List<MicroBatch> withLong = new TreePacker(new Packing(Sharing.TREE, 12, 12, 64)).pack(mixed);
    assertEquals(4, withLong.size());
    assertArrayEquals(new int[] {9}, withLong.getFirst().examples());
    assertEquals(39, withLong.getFirst().batch().slots());
    assertTrue(new TreePacker(Packing.defaults()).pack(List.<Example>of()).isEmpty());
  }

  /** Random preference pairs, several a tree, that share random prefixes. */
  static List<Example> randomTrees(int pairs, long seed) {
    Random random = new Random(seed);
    List<Example> examples = new ArrayList<>();
    int[] base = {};
    int prompt = 1;
    for (int i = 0; i < pairs; i++) {
      if (i % 4 == 0) {
        base = random.ints(8 + random.nextInt(12), 0, VOCAB).toArray();
        prompt = 1 + random.nextInt(5);
      }
      examples.add(new Example.Preference(
          "pair " + i, "tree " + i / 4, branch(base, prompt, random), branch(base, prompt, random)));
    }
    return examples;
  }

  private static TrainingSequence branch(int[] base, int prompt, Random random) {
    int keep = prompt + random.nextInt(base.length - prompt);
    int[] tokens = Arrays.copyOf(base, keep + 1 + random.nextInt(6));
    for (int i = keep; i < tokens.length; i++) {
      tokens[i] = random.nextInt(VOCAB);
    }
    return new TrainingSequence(tokens, prompt);
  }
}
