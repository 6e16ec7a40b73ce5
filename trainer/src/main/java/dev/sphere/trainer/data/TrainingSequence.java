package dev.sphere.trainer.data;

import java.util.Arrays;

/**
 * A prompt and a completion, whose tokens are trained.
 *
 * @param tokens prompt and completion; never changed
 * @param promptLength tokens of the prompt, at least 1, since nothing predicts the first token
 */
public record TrainingSequence(int[] tokens, int promptLength) {
  /** Number of all tokens. */
  public int length() {
    return tokens.length;
  }

  /** Number of predicted tokens, at least 1. */
  public int completionLength() {
    return tokens.length - promptLength;
  }

  public static TrainingSequence of(int[] prompt, int[] completion) {
    return new TrainingSequence(join(prompt, completion), prompt.length);
  }

  static int[] join(int[] a, int[] b) {
    int[] all = Arrays.copyOf(a, a.length + b.length);
    System.arraycopy(b, 0, all, a.length, b.length);
    return all;
  }

  @Override
  public boolean equals(Object o) {
    return o instanceof TrainingSequence s && promptLength == s.promptLength && Arrays.equals(tokens, s.tokens);
  }

  @Override
  public int hashCode() {
    return 31 * Arrays.hashCode(tokens) + promptLength;
  }
}
