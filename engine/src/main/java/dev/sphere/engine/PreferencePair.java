package dev.sphere.engine;

/**
 * A preference: the same prompt, a chosen and a rejected completion.
 *
 * @param problemId the problem it comes from
 * @param stage generation, correction or diversity
 * @param prompt the prompt's text as the model saw it (template rendered)
 * @param chosen the text of the better completion, without end token
 * @param rejected the text of the worse one, without end token
 * @param promptTokens the prompt's tokens; empty when only text is known
 * @param chosenTokens the completion's tokens, with its end token if drawn; empty when only text is known
 * @param rejectedTokens likewise
 */
public record PreferencePair(
    String problemId,
    String stage,
    String prompt,
    String chosen,
    String rejected,
    int[] promptTokens,
    int[] chosenTokens,
    int[] rejectedTokens) {}
