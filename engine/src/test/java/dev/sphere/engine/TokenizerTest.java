package dev.sphere.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import org.junit.jupiter.api.Test;

/** One start token, whoever writes it: the tokenizer's rule or the template. */
class TokenizerTest {
  private static final int START = 1;

  /** A character a token, {@code ^} is the start token's text, and the model's rule adds one. */
  private final Tokenizer adding =
      (text, start) -> {
        int[] tokens = text.chars().map(c -> c == '^' ? START : c).toArray();
        int[] all = new int[tokens.length + (start ? 1 : 0)];
        all[0] = START;
        System.arraycopy(tokens, 0, all, start ? 1 : 0, tokens.length);
        return all;
      };

  private final Tokenizer notAdding = (text, start) -> adding.tokenize(text, false);

  @Test
  void theTemplateWritesIt() {
    assertArrayEquals(new int[] {START, 'a'}, adding.tokenizePrompt("^a"));
    assertArrayEquals(new int[] {START, 'a'}, notAdding.tokenizePrompt("^a"));
  }

  @Test
  void theTemplateDoesNot() {
    assertArrayEquals(new int[] {START, 'a', 'a'}, adding.tokenizePrompt("aa"));
    assertArrayEquals(new int[] {'a', 'a'}, notAdding.tokenizePrompt("aa"));
  }

  @Test
  void whatTheTemplateWritesTwiceStays() {
    assertArrayEquals(new int[] {START, START, 'a'}, adding.tokenizePrompt("^^a"));
    assertArrayEquals(new int[] {START, START, 'a'}, notAdding.tokenizePrompt("^^a"));
  }
}
