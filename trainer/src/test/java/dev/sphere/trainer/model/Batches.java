package dev.sphere.trainer.model;

import dev.sphere.trainer.PackedBatch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/** Random trees as batches. */
final class Batches {
  private Batches() {}

  /** Groups of different fill with branching trees, several trees in some groups, and predictions after branchings. */
  static PackedBatch trees(int groups, int slots, int vocabulary, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int n = groups * slots;
    int[] tokens = new int[n];
    int[] positions = new int[n];
    int[] parents = new int[n];
    Arrays.fill(parents, PackedBatch.UNUSED);
    List<int[]> predictions = new ArrayList<>();
    for (int g = 0; g < groups; g++) {
      int used = g == 0 ? slots : 1 + random.nextInt(slots);
      for (int s = 0; s < used; s++) {
        int i = g * slots + s;
        tokens[i] = random.nextInt(vocabulary);
        boolean root = s == 0 || random.nextInt(9) == 0;
        parents[i] = root ? PackedBatch.ROOT : random.nextInt(3) == 0 ? random.nextInt(s) : s - 1;
        positions[i] = root ? 0 : positions[g * slots + parents[i]] + 1;
        if (!root && random.nextInt(4) > 0) {
          predictions.add(new int[] {g * slots + parents[i], tokens[i]});
        }
      }
    }
    return new PackedBatch(
        groups, slots, tokens, positions, parents, predictions.stream().mapToInt(p -> p[0]).toArray(),
        predictions.stream().mapToInt(p -> p[1]).toArray());
  }

  /** Every prediction of a batch as a sequence of its own: the path from the root, one a group. */
  static PackedBatch paths(PackedBatch batch) {
    int n = batch.predictions();
    int[][] path = new int[n][];
    int slots = 1;
    for (int p = 0; p < n; p++) {
      int source = batch.sources()[p];
      int group = source - source % batch.slots();
      List<Integer> slotsOfPath = new ArrayList<>();
      for (int s = source % batch.slots(); s >= 0; s = batch.parents()[group + s]) {
        slotsOfPath.addFirst(group + s);
      }
      path[p] = slotsOfPath.stream().mapToInt(Integer::intValue).toArray();
      slots = Math.max(slots, path[p].length);
    }
    int[] tokens = new int[n * slots];
    int[] positions = new int[n * slots];
    int[] parents = new int[n * slots];
    Arrays.fill(parents, PackedBatch.UNUSED);
    int[] sources = new int[n];
    for (int p = 0; p < n; p++) {
      for (int s = 0; s < path[p].length; s++) {
        tokens[p * slots + s] = batch.tokens()[path[p][s]];
        positions[p * slots + s] = s;
        parents[p * slots + s] = s - 1;
      }
      sources[p] = p * slots + path[p].length - 1;
    }
    return new PackedBatch(n, slots, tokens, positions, parents, sources, batch.targets());
  }

  static float[] weights(int count, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] w = new float[count];
    for (int i = 0; i < count; i++) {
      w[i] = (float) (2 * random.nextDouble() - 1);
    }
    return w;
  }
}
