package dev.sphere.engine.strategy;

import dev.sphere.engine.Generation;
import dev.sphere.engine.TokenPath;
import java.util.ArrayList;
import java.util.List;

/**
 * A solution, complete or in the making.
 *
 * @param path prompt and steps, a node for each step
 * @param steps the steps as they were sampled
 * @param scores the process reward of each step that was scored, in order
 * @param terminal no step follows
 * @param truncated it ended at a limit, not at an answer
 */
public record Solution(
    TokenPath path, List<Generation> steps, List<Double> scores, boolean terminal, boolean truncated) {
  public Solution {
    steps = List.copyOf(steps);
    scores = List.copyOf(scores);
  }

  static Solution root(TokenPath prompt) {
    return new Solution(prompt, List.of(), List.of(), false, false);
  }

  /** The text of all steps, without end token. */
  public String text() {
    StringBuilder text = new StringBuilder();
    steps.forEach(s -> text.append(s.text()));
    return text.toString();
  }

  /** True when the model drew its end token. */
  public boolean ended() {
    return !steps.isEmpty() && steps.getLast().finish() == Generation.Finish.END;
  }

  /** All tokens after the prompt. */
  public int[] tokens() {
    return steps.stream().flatMapToInt(s -> java.util.Arrays.stream(s.tokens())).toArray();
  }

  /** This solution with another step; {@code score} NaN where it was not scored. */
  Solution extend(Generation step, double score, boolean complete, boolean lastPossible) {
    List<Generation> more = new ArrayList<>(steps);
    more.add(step);
    List<Double> all = new ArrayList<>(scores);
    if (!Double.isNaN(score)) {
      all.add(score);
    }
    boolean over = complete || step.finish() == Generation.Finish.LENGTH || lastPossible;
    return new Solution(path.extend(step.tokens()), more, all, over, over && !complete);
  }
}
