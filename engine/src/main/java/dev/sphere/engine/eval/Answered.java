package dev.sphere.engine.eval;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * One answer to one problem, with all that grading and counting it again needs.
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
 * @param steps the process reward's score in [0, 1] of each step; empty when none was asked
 * @param metadata the problem's published fields (level, subject, unit, error); empty in files of older versions
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
    boolean truncated,
    List<Double> steps,
    Map<String, String> metadata) {
  /** The sample index of the greedy answer. */
  public static final int GREEDY = -1;

  public Answered {
    steps = steps == null ? List.of() : List.copyOf(steps);
    // In the order of their names: Map.copyOf has another order in every process, and so would have the file.
    metadata = metadata == null ? Map.of() : Collections.unmodifiableMap(new TreeMap<>(metadata));
  }

  /** An answer without scores and published fields. */
  public Answered(String problemId, String gold, int sample, String text, String answer, boolean correct, String how,
      int tokens, boolean truncated) {
    this(problemId, gold, sample, text, answer, correct, how, tokens, truncated, List.of(), Map.of());
  }
}
