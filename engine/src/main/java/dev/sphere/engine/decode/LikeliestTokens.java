package dev.sphere.engine.decode;

import dev.sphere.bindings.tensor.NativeFloats;

/** The likeliest tokens of a row of logits, by rank. Belongs to the lane's thread. */
final class LikeliestTokens {
  private final float[] row;
  private int[] ranked = new int[0]; // tokens of the present row, the likeliest first

  LikeliestTokens(int vocabulary) {
    this.row = new float[vocabulary];
  }

  /**
   * Ranks a row's tokens; among equal logits the lowest id comes first, as in greedy decoding.
   *
   * @param logits [rows x vocabulary]
   * @param most how many ranks are wanted
   */
  void rank(NativeFloats logits, int index, int most) {
    logits.read((long) index * row.length, row);
    ranked = new int[Math.min(most, row.length)];
    int found = 0;
    for (int token = 0; token < row.length; token++) {
      if (found == ranked.length && row[token] <= row[ranked[found - 1]]) {
        continue;
      }
      int at = found == ranked.length ? found - 1 : found++;
      for (; at > 0 && row[ranked[at - 1]] < row[token]; at--) {
        ranked[at] = ranked[at - 1];
      }
      ranked[at] = token;
    }
  }

  /** The token of a rank in the row that was ranked last; rank 1 is the likeliest. */
  int token(int rank) {
    return ranked[rank - 1];
  }
}
