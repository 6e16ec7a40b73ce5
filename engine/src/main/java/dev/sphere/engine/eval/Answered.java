package dev.sphere.engine.eval;

/**
 * One answer to one problem, with all that grading it again needs.
 *
 * @param problemId the problem
 * @param gold its gold answer
 * @param sample index of the sample; -1 for the greedy answer
 * @param text the whole solution
 * @param answer the final answer found in it; empty for none
 * @param correct whether it equals the gold answer
 * @param how the rule that decided
 * @param tokens tokens generated
 * @param truncated true when a limit ended it
 */
public record Answered(
    String problemId,
    String gold,
    int sample,
    String text,
    String answer,
    boolean correct,
    String how,
    int tokens,
    boolean truncated) {
  /** The sample index of the greedy answer. */
  public static final int GREEDY = -1;
}
