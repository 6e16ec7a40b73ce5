package dev.sphere.trainer.data;

import java.util.Arrays;

/**
 * Tokens that the model reads; those from {@code promptLength} on are predicted and trained.
 *
 * @param tokens prompt and completion; not changed by anybody
 * @param promptLength tokens of the prompt, at least 1 (the first token has nothing to be predicted from) and fewer than
 *     there are tokens
 */
public record TrainingSequence(int[] tokens, int promptLength) {
  public TrainingSequence {
    if (promptLength < 1 || promptLength >= tokens.length) {
      throw new IllegalArgumentException(
          "a prompt of " + promptLength + " tokens in a sequence of " + tokens.length + " leaves nothing to train");
    }
  }

  /** Number of all tokens. */
  public int length() {
    return tokens.length;
  }

  /** Number of predicted tokens, at least 1. */
  public int completionLength() {
    return tokens.length - promptLength;
  }

  /** The prompt's tokens followed by the completion's. */
  public static TrainingSequence of(int[] prompt, int[] completion) {
    int[] all = Arrays.copyOf(prompt, prompt.length + completion.length);
    System.arraycopy(completion, 0, all, prompt.length, completion.length);
    return new TrainingSequence(all, prompt.length);
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
