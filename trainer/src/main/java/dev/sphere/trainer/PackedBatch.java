package dev.sphere.trainer;

/**
 * A micro-batch as the trainer computes it: {@code groups} rows of {@code slots} token slots each. A group holds one or
 * more trees of tokens; every unique token stands in it once and sees itself and its ancestors only. A plain sequence is
 * a tree without branches. The tree is the batch.
 *
 * <p>Arrays over slots have length {@code groups * slots}; slot s of group g stands at {@code g * slots + s}.
 *
 * @param groups number of groups, at least 1
 * @param slots slots in each group, at least 1
 * @param tokens the token of each slot; 0 in unused slots
 * @param positions the RoPE position of each slot (depth in its tree); 0 in unused slots
 * @param parents index (within the group) of the slot's parent; {@link #ROOT} for the first token of a tree,
 *     {@link #UNUSED} for padding; a parent stands before its children
 * @param sources for each prediction the flat index of the slot whose output predicts
 * @param targets for each prediction the token that it predicts; several predictions may share a source (branches)
 */
public record PackedBatch(
    int groups, int slots, int[] tokens, int[] positions, int[] parents, int[] sources, int[] targets) {
  /** Parent of a tree's first token. */
  public static final int ROOT = -1;

  /** Marks a slot that holds no token. */
  public static final int UNUSED = -2;

  public PackedBatch {
    int n = Math.multiplyExact(groups, slots);
    if (groups < 1 || slots < 1 || tokens.length != n || positions.length != n || parents.length != n) {
      throw new IllegalArgumentException("arrays do not have groups * slots = " + n + " entries");
    }
    if (sources.length != targets.length) {
      throw new IllegalArgumentException(sources.length + " sources but " + targets.length + " targets");
    }
    for (int i = 0; i < n; i++) {
      if (parents[i] >= i % slots || parents[i] < UNUSED) {
        throw new IllegalArgumentException("slot " + i + " has parent " + parents[i] + ", which does not stand before it");
      }
    }
  }

  /** Number of predictions, that is of log-probabilities that this batch yields. */
  public int predictions() {
    return sources.length;
  }

  /** Number of slots that hold a token. */
  public int usedSlots() {
    int used = 0;
    for (int p : parents) {
      if (p != UNUSED) {
        used++;
      }
    }
    return used;
  }
}
