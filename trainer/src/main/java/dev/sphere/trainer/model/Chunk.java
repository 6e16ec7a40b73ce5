package dev.sphere.trainer.model;

import dev.sphere.trainer.PackedBatch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * Whole groups of a batch that are computed at once, without trailing padding. Predictions are in the order of their
 * source slots.
 *
 * @param slots slots of each group
 * @param parents parent of each slot within its group
 * @param rows the slots that predict, each once, ascending
 * @param offsets length rows + 1: the first prediction of each row
 * @param targets the predicted tokens
 * @param order the index in the batch of each prediction
 */
record Chunk(
    int groups, int slots, int[] tokens, int[] positions, int[] parents, int[] rows, int[] offsets, int[] targets,
    int[] order) {

  /** Splits a batch into chunks of at most {@code most} slots, or of one group where that has more. */
  static List<Chunk> split(PackedBatch batch, int most) {
    List<Chunk> chunks = new ArrayList<>();
    Integer[] bySource = new Integer[batch.predictions()];
    Arrays.setAll(bySource, i -> i);
    Arrays.sort(bySource, Comparator.comparingInt(i -> batch.sources()[i]));
    int group = 0;
    int next = 0;
    while (group < batch.groups()) {
      int slots = used(batch, group);
      int end = group + 1;
      while (end < batch.groups()) {
        int wider = Math.max(slots, used(batch, end));
        if ((long) wider * (end + 1 - group) > most) {
          break;
        }
        slots = wider;
        end++;
      }
      int until = next;
      while (until < bySource.length && batch.sources()[bySource[until]] < end * batch.slots()) {
        until++;
      }
      chunks.add(cut(batch, group, end, slots, Arrays.copyOfRange(bySource, next, until)));
      group = end;
      next = until;
    }
    return chunks;
  }

  private static int used(PackedBatch batch, int group) {
    int slots = batch.slots();
    while (slots > 1 && batch.parents()[group * batch.slots() + slots - 1] == PackedBatch.UNUSED) {
      slots--;
    }
    return slots;
  }

  private static Chunk cut(PackedBatch batch, int from, int to, int slots, Integer[] predictions) {
    int groups = to - from;
    int n = predictions.length;
    int[] rows = new int[n];
    int[] offsets = new int[n + 1];
    int[] targets = new int[n];
    int[] order = new int[n];
    int count = 0;
    for (int i = 0; i < n; i++) {
      int source = batch.sources()[predictions[i]];
      int slot = source % batch.slots();
      int row = (source / batch.slots() - from) * slots + slot;
      if (count == 0 || rows[count - 1] != row) {
        offsets[count] = i;
        rows[count++] = row;
      }
      targets[i] = batch.targets()[predictions[i]];
      order[i] = predictions[i];
    }
    offsets[count] = n;
    return new Chunk(
        groups, slots, part(batch.tokens(), batch, from, to, slots), part(batch.positions(), batch, from, to, slots),
        part(batch.parents(), batch, from, to, slots), Arrays.copyOf(rows, count), Arrays.copyOf(offsets, count + 1),
        targets, order);
  }

  /** The first {@code slots} values of each of the groups {@code from .. to}. */
  private static int[] part(int[] values, PackedBatch batch, int from, int to, int slots) {
    int[] part = new int[(to - from) * slots];
    for (int g = from; g < to; g++) {
      System.arraycopy(values, g * batch.slots(), part, (g - from) * slots, slots);
    }
    return part;
  }

  /** The rows of the predictions {@code first .. last}. */
  int[] rowsOf(int first, int last) {
    int[] values = new int[last - first];
    int row = 0;
    for (int i = first; i < last; i++) {
      while (offsets[row + 1] <= i) {
        row++;
      }
      values[i - first] = rows[row];
    }
    return values;
  }

  int size() {
    return tokens.length;
  }
}
