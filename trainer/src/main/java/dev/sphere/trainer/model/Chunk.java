package dev.sphere.trainer.model;

import dev.sphere.trainer.PackedBatch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * Whole groups of a batch that are computed at once, with trailing padding cut off, and their predictions in the order
 * of their source slots.
 *
 * @param groups number of groups
 * @param slots slots a group after the cut
 * @param tokens token of each slot
 * @param positions rope position of each slot
 * @param parents parent of each slot within its group
 * @param rows the slots that predict, each once, ascending
 * @param offsets length rows + 1: where each row's predictions start
 * @param targets the predicted tokens
 * @param order for each prediction here its index in the batch
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
    int[] tokens = new int[groups * slots];
    int[] positions = new int[groups * slots];
    int[] parents = new int[groups * slots];
    for (int g = 0; g < groups; g++) {
      int source = (from + g) * batch.slots();
      System.arraycopy(batch.tokens(), source, tokens, g * slots, slots);
      System.arraycopy(batch.positions(), source, positions, g * slots, slots);
      System.arraycopy(batch.parents(), source, parents, g * slots, slots);
    }
    int n = predictions.length;
    int[] rows = new int[n];
    int[] offsets = new int[n + 1];
    int[] targets = new int[n];
    int[] order = new int[n];
    int count = 0;
    for (int i = 0; i < n; i++) {
      int source = batch.sources()[predictions[i]];
      int slot = source % batch.slots();
      if (slot >= slots) {
        throw new IllegalArgumentException("prediction " + predictions[i] + " comes from an unused slot, " + source);
      }
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
        groups, slots, tokens, positions, parents, Arrays.copyOf(rows, count), Arrays.copyOf(offsets, count + 1),
        targets, order);
  }

  /** For each of the predictions {@code first .. last} the row that makes it. */
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

  /** Number of token slots. */
  int size() {
    return tokens.length;
  }
}
