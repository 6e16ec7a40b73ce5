package dev.sphere.engine;

/** Text to tokens, by a model's own rules. */
@FunctionalInterface
public interface Tokenizer {
  /** The text as tokens, special tokens in it parsed; {@code start} adds the model's own start token, if it has one. */
  int[] tokenize(String text, boolean start);

  /**
   * Text as tokens; special tokens that touch a message's text are text. A tokenizer that knows no special tokens needs
   * only the characters.
   */
  default int[] tokenize(MarkedText text, boolean start) {
    return tokenize(text.text(), start);
  }

  /** An answer of the assistant as tokens: all of it is a message's text. */
  default int[] tokenizeAnswer(String text) {
    return tokenize(MarkedText.content(text), false);
  }

  /**
   * A rendered prompt as tokens: with the model's start token, but once only where the template writes it too.
   *
   * @param rendered what a chat template gave
   */
  default int[] tokenizePrompt(MarkedText rendered) {
    int[] tokens = tokenize(rendered, true);
    if (tokens.length > 1 && tokens[0] == tokens[1]) {
      int[] bare = tokenize(rendered, false);
      return bare.length == tokens.length - 1 ? bare : tokens;
    }
    return tokens;
  }

  /** A prompt of which nothing is known but its text: special tokens are read wherever they stand. */
  default int[] tokenizePrompt(String text) {
    return tokenizePrompt(MarkedText.of(text));
  }
}
