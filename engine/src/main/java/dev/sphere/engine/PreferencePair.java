package dev.sphere.engine;

/**
 * A preference: the same prompt, a chosen and a rejected completion.
 *
 * @param problemId the problem it comes from
 * @param stage generation, correction, diversity or probe
 * @param prompt the prompt's text as the model saw it (template rendered)
 * @param chosen the text of the better completion, without end token
 * @param rejected the text of the worse one, without end token
 * @param promptTokens the prompt's tokens; empty when only text is known
 * @param chosenTokens the completion's tokens, with its end token if drawn; empty when only text is known
 * @param rejectedTokens the rejected completion's tokens, as {@code chosenTokens}
 * @param promptContent where message text begins and ends in the prompt: from, to, from, to, ..., in chars; null where
 *     the model that searched reads no special tokens, or where it is not known
 */
public record PreferencePair(String problemId, String stage, String prompt, String chosen, String rejected,
    int[] promptTokens, int[] chosenTokens, int[] rejectedTokens, int[] promptContent) {
  /** A pair whose prompt is text as it is. */
  public PreferencePair(String problemId, String stage, String prompt, String chosen, String rejected,
      int[] promptTokens, int[] chosenTokens, int[] rejectedTokens) {
    this(problemId, stage, prompt, chosen, rejected, promptTokens, chosenTokens, rejectedTokens, null);
  }

  /**
   * The prompt with its marks.
   *
   * @throws IllegalArgumentException when they do not fit the text
   */
  public MarkedText markedPrompt() {
    return promptContent == null ? MarkedText.of(prompt) : MarkedText.of(prompt, promptContent);
  }

  /** A part of a completion: a message's text where the pair comes from messages or a search, else text as it is. */
  public MarkedText answer(String part) {
    return promptContent != null || promptTokens.length > 0 ? MarkedText.content(part) : MarkedText.of(part);
  }
}
