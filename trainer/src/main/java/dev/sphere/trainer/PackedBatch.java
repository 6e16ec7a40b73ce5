package dev.sphere.trainer;

import java.util.Arrays;

/**
 * A micro-batch as the model computes it: {@code groups} rows of {@code slots} token slots. A group holds one or more
 * trees of tokens. Every unique token of a tree has one slot and sees itself and its ancestors only. A plain sequence
 * is a tree without branches. Arrays over slots have length {@code groups * slots}; slot s of group g is at {@code g
 * * slots + s}.
 *
 * @param tokens the token of each slot; 0 in unused slots
 * @param positions the RoPE position of each slot (depth in its tree); 0 in unused slots
 * @param parents index (within the group) of the slot's parent; {@link #ROOT} for the first token of a tree,
 *     {@link #UNUSED} for padding; a parent stands before its children
 * @param sources for each prediction the index of the slot whose output predicts; several predictions share a source
 *     where the tree branches
 * @param targets for each prediction the token that it predicts
 */
public record PackedBatch(
    int groups, int slots, int[] tokens, int[] positions, int[] parents, int[] sources, int[] targets) {
  /** Parent of a tree's first token. */
  public static final int ROOT = -1;

  /** Marks a slot that holds no token. */
  public static final int UNUSED = -2;

  /** Number of log-probabilities that this batch yields. */
  public int predictions() {
    return sources.length;
  }

  /** Number of slots that hold a token. */
  public int usedSlots() {
    return (int) Arrays.stream(parents).filter(p -> p != UNUSED).count();
  }
}
