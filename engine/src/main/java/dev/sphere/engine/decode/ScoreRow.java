package dev.sphere.engine.decode;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * A row on its way through a {@link ScorePass}: its tokens without the last one (whose output nobody needs) are what
 * must be in the cache, and position q's output predicts token q + 1.
 */
final class ScoreRow {
  /** A log-probability that is wanted of this row's computation, maybe for a later row that shares the position. */
  record Target(int position, int token, ScoreRow row) {}

  private final int[] tokens;
  private final int prompt; // its length
  private final float[] logProbs; // of the completion

  KvCache.Entry entry;
  int shared; // tokens that the row before it has in common: they are not computed again
  final List<Target> targets = new ArrayList<>(); // in order of position
  int nextTarget;
  boolean successorOpened;

  private ScoreRow(Scorer.Row row, float[] logProbs) {
    this.prompt = row.prompt().length;
    this.tokens = Arrays.copyOf(row.prompt(), prompt + row.completion().length);
    System.arraycopy(row.completion(), 0, tokens, prompt, row.completion().length);
    this.logProbs = logProbs;
  }

  /**
   * All rows in the order of their tokens, so that what begins alike stands together; arrays for the results are made.
   */
  static List<ScoreRow> sorted(List<Scorer.Row> rows, float[][] results) {
    List<ScoreRow> sorted = new ArrayList<>();
    for (int i = 0; i < results.length; i++) {
      results[i] = new float[rows.get(i).completion().length];
      sorted.add(new ScoreRow(rows.get(i), results[i]));
    }
    sorted.sort(Comparator.comparing(r -> r.tokens, Arrays::compare));
    return sorted;
  }

  int length() {
    return tokens.length;
  }

  /** Tokens that must be in the cache. */
  int computed() {
    return logProbs.length == 0 ? 0 : tokens.length - 1;
  }

  int token(int i) {
    return tokens[i];
  }

  boolean samePrompt(ScoreRow other) {
    return prompt == other.prompt && Arrays.equals(tokens, 0, prompt, other.tokens, 0, prompt);
  }

  boolean isDone() {
    return entry != null && entry.length() == computed();
  }

  int remaining() {
    return computed() - (entry == null ? shared : entry.length());
  }

  void store(Target target, float logProb) {
    logProbs[target.position() + 1 - prompt] = logProb;
  }

  /**
   * Finds what each row shares with the one before it, and gives every wanted log-probability to the row that computes
   * its position. What a row wants and its predecessor wants too, the same token at the same position, is copied
   * at the end ({@link #copyShared}).
   */
  static void link(List<ScoreRow> rows) {
    for (int i = 0; i < rows.size(); i++) {
      ScoreRow row = rows.get(i);
      ScoreRow before = i == 0 ? null : rows.get(i - 1);
      row.shared = before == null ? 0 : row.common(before);
      for (int q = row.prompt - 1; q < row.computed(); q++) {
        if (!row.copies(q, before)) {
          int owner = i;
          while (q < rows.get(owner).shared) {
            owner--;
          }
          rows.get(owner).targets.add(new Target(q, row.tokens[q + 1], row));
        }
      }
    }
    rows.forEach(r -> r.targets.sort(Comparator.comparingInt(Target::position)));
  }

  private int common(ScoreRow before) {
    int limit = Math.min(computed(), before.computed());
    int different = Arrays.mismatch(tokens, 0, limit, before.tokens, 0, limit);
    return different < 0 ? limit : different;
  }

  private boolean copies(int q, ScoreRow before) {
    return before != null
        && q < shared
        && q >= before.prompt - 1
        && q < before.computed()
        && before.tokens[q + 1] == tokens[q + 1];
  }

  /** Takes over what the row before it was given; call it in order, when all is computed. */
  void copyShared(ScoreRow before) {
    for (int q = prompt - 1; q < computed(); q++) {
      if (copies(q, before)) {
        logProbs[q + 1 - prompt] = before.logProbs[q + 1 - before.prompt];
      }
    }
  }
}
