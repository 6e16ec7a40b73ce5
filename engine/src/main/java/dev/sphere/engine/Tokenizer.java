package dev.sphere.engine;

/** Text to tokens, by a model's own rules. */
@FunctionalInterface
public interface Tokenizer {
  /** The text as tokens, special tokens in it parsed; {@code start} adds the model's own start token, if it has one. */
  int[] tokenize(String text, boolean start);

  /**
   * A rendered prompt as tokens: with the model's start token, but once only where the template writes it too.
   *
   * @param rendered what a chat template gave
   */
  default int[] tokenizePrompt(String rendered) {
    int[] tokens = tokenize(rendered, true);
    if (tokens.length > 1 && tokens[0] == tokens[1]) {
      int[] bare = tokenize(rendered, false);
      return bare.length == tokens.length - 1 ? bare : tokens;
    }
    return tokens;
  }
}
