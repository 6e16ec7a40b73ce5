package dev.sphere.engine.strategy;

import dev.sphere.engine.Generation;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.search.FinalAnswer;
import dev.sphere.engine.search.SearchSettings;
import java.util.ArrayList;
import java.util.Arrays;
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

  /** Nothing but the prompt. */
  public static Solution root(TokenPath prompt) {
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
    return steps.stream().flatMapToInt(s -> Arrays.stream(s.tokens())).toArray();
  }

  /**
   * This solution with another step.
   *
   * @param score of the step; NaN where it was not scored
   * @param search says whether an answer completes a solution, and after how many steps it is cut off
   */
  public Solution extend(Generation step, double score, SearchSettings search) {
    boolean complete = switch (step.finish()) {
      case END -> true;
      case STOP -> search.stopAtAnswer() && FinalAnswer.in(path.marker(), text() + step.text());
      case LENGTH -> false;
    };
    List<Generation> more = new ArrayList<>(steps);
    more.add(step);
    List<Double> all = new ArrayList<>(scores);
    if (!Double.isNaN(score)) {
      all.add(score);
    }
    boolean over = complete || step.finish() == Generation.Finish.LENGTH || more.size() >= search.maxDepth();
    return new Solution(path.extend(step.tokens()), more, all, over, over && !complete);
  }
}
