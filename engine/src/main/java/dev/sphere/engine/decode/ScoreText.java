package dev.sphere.engine.decode;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * A text on its way through a {@link ScoreLane}. In a {@link ScoreJob} the texts stand in the order of their tokens; a
 * log-probability is computed by the first of those that share its position, since logits exist for one micro-batch
 * alone.
 */
final class ScoreText {
  /** A log-probability that is wanted of a text's computation, maybe for a later text that shares the position. */
  record Target(int position, int token, ScoreText text, int index) {}

  final int[] tokens;
  private final int[] positions; // of the wanted log-probabilities, ascending
  private final int[] wanted; // their tokens
  private final boolean hidden; // the last token's hidden state is wanted
  private final int[] copied; // for each target its index in the text before, where that one has the same; else -1
  private int shared; // tokens in common with the text before that it does not compute itself
  final List<Target> targets = new ArrayList<>(); // what it computes, in order of position

  final float[] logProbs;
  final int[] found; // the targets' tokens, once the ranks among them are known
  float[] state; // the hidden state, when it is computed

  ScoreJob job;
  KvCache.Entry entry; // null until it is admitted
  int nextTarget;
  boolean followed; // the next text of the job was admitted

  ScoreText(int[] tokens, int[] positions, int[] wanted, boolean hidden) {
    this.tokens = tokens;
    this.positions = positions;
    this.wanted = wanted;
    this.hidden = hidden;
    this.copied = new int[wanted.length];
    this.logProbs = new float[wanted.length];
    this.found = wanted.clone();
  }

  /** Gives each target to the text that computes it; the texts are in the order of their tokens. */
  static void link(List<ScoreText> sorted) {
    for (int i = 0; i < sorted.size(); i++) {
      ScoreText text = sorted.get(i);
      ScoreText before = i == 0 ? null : sorted.get(i - 1);
      text.shared = before == null ? 0 : text.sharedWith(before);
      for (int t = 0; t < text.wanted.length; t++) {
        int position = text.positions[t];
        text.copied[t] = position < text.shared ? before.find(position, text.wanted[t]) : -1;
        if (text.copied[t] < 0) {
          int owner = i;
          while (position < sorted.get(owner).shared) {
            owner--;
          }
          sorted.get(owner).targets.add(new Target(position, text.wanted[t], text, t));
        }
      }
    }
    sorted.forEach(t -> t.targets.sort(Comparator.comparingInt(Target::position)));
  }

  private int sharedWith(ScoreText before) {
    int most = Math.min(hidden ? tokens.length - 1 : reach(), before.reach());
    return mismatch(before, most);
  }

  /** Tokens up to the last one whose output is wanted. */
  private int reach() {
    return hidden ? tokens.length : positions.length == 0 ? 0 : positions[positions.length - 1] + 1;
  }

  /** Whether the two have the same tokens before the first that is scored. */
  boolean sameContext(ScoreText other) {
    int n = context();
    return n == other.context() && mismatch(other, n) == n;
  }

  private int context() {
    return positions.length == 0 ? tokens.length : positions[0] + 1;
  }

  private int mismatch(ScoreText other, int most) {
    int different = Arrays.mismatch(tokens, 0, most, other.tokens, 0, most);
    return different < 0 ? most : different;
  }

  /** The index of a target; -1 when it is not wanted. */
  private int find(int position, int token) {
    int at = Arrays.binarySearch(positions, position);
    while (at > 0 && positions[at - 1] == position) {
      at--;
    }
    for (; at >= 0 && at < positions.length && positions[at] == position; at++) {
      if (wanted[at] == token) {
        return at;
      }
    }
    return -1;
  }

  /** Takes over what the text before it was given; call it in order, when all is computed. */
  void copyFrom(ScoreText before) {
    for (int t = 0; t < copied.length; t++) {
      if (copied[t] >= 0) {
        logProbs[t] = before.logProbs[copied[t]];
        found[t] = before.found[copied[t]];
      }
    }
  }

  /** Whether other texts compute all targets of this one, or it has none. */
  boolean computesNothing() {
    return targets.isEmpty() && !hidden;
  }

  /** The first token whose output it must have: what stands before may come from the cache. */
  int from() {
    int end = hidden ? tokens.length - 1 : computed();
    return targets.isEmpty() ? end : Math.min(end, targets.getFirst().position());
  }

  /** Tokens that must be in the cache when it is done. */
  int computed() {
    return hidden ? tokens.length : targets.isEmpty() ? 0 : targets.getLast().position() + 1;
  }

  int remaining() {
    return computed() - entry.length();
  }

  /** Length of the prefix that it has in common with another one and that may come from a cache. */
  int common(ScoreText other) {
    return mismatch(other, Math.min(from(), other.computed()));
  }
}
