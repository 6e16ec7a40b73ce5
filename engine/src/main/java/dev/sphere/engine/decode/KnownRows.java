package dev.sphere.engine.decode;

import dev.sphere.bindings.tensor.NativeFloats;

/**
 * Logits of rows that were computed, by the tokens that led to them. Whatever else is drawn after the same tokens is
 * drawn from them, and no row is computed for it: further rounds of candidates begin after one path, and the candidates
 * of a step often say the tokens that rollouts of its parent drew.
 *
 * <p>Tokens are known by the {@link Rollout#mark mark}s of their sequence, 128 bits. A row may stand in one of four
 * places; a new one takes a free place or the next in turn. Belongs to the lane's thread.
 */
final class KnownRows implements AutoCloseable {
  private static final long BYTES = 16L << 20;
  private static final int WORTH_KEEPING = 1024; // rows; fewer are forgotten before they are asked for
  private static final int PLACES = 4;

  private final int vocabulary;
  private final long[] marks; // two a row; a row of zeros is free
  private final NativeFloats logits; // [rows x vocabulary]; null where none are kept
  private int turn;

  /**
   * Permits for 16 MiB of logits, or none where that is fewer than 1,024 rows.
   *
   * @param use false: none
   */
  KnownRows(int vocabulary, boolean use) {
    this.vocabulary = vocabulary;
    int rows = (int) (BYTES / Float.BYTES / vocabulary) / PLACES * PLACES;
    boolean kept = use && rows >= WORTH_KEEPING;
    this.marks = new long[kept ? 2 * rows : 0];
    this.logits = kept ? NativeFloats.allocate((long) rows * vocabulary) : null;
  }

  /** Whether rows are kept at all. */
  boolean kept() {
    return logits != null;
  }

  /** The logits of all rows, [rows x vocabulary]. */
  NativeFloats logits() {
    return logits;
  }

  /** Index of the row after a sequence's tokens, -1 when it is not known. */
  int find(Rollout r) {
    if (logits == null) {
      return -1;
    }
    int from = first(r);
    for (int row = from; row < from + PLACES; row++) {
      if (marks[2 * row] == r.mark() && marks[2 * row + 1] == r.otherMark()) {
        return row;
      }
    }
    return -1;
  }

  /** Keeps a copy of a row. Of two that are computed at once for the same tokens one is kept. */
  void keep(Rollout r, NativeFloats computed, int index) {
    if (logits == null) {
      return;
    }
    int from = first(r);
    int row = from + (turn++ & PLACES - 1);
    for (int i = from; i < from + PLACES; i++) {
      if (marks[2 * i] == 0 && marks[2 * i + 1] == 0 || marks[2 * i] == r.mark() && marks[2 * i + 1] == r.otherMark()) {
        row = i;
        break;
      }
    }
    marks[2 * row] = r.mark();
    marks[2 * row + 1] = r.otherMark();
    logits.copy((long) row * vocabulary, computed, (long) index * vocabulary, vocabulary);
  }

  private int first(Rollout r) {
    return (int) Long.remainderUnsigned(r.mark(), marks.length / 2 / PLACES) * PLACES;
  }

  @Override
  public void close() {
    if (logits != null) {
      logits.close();
    }
  }
}
