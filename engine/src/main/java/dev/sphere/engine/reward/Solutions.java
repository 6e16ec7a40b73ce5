package dev.sphere.engine.reward;

import dev.sphere.engine.Generation;
import dev.sphere.engine.Policy;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.search.FinalAnswer;

/** What a process reward needs to know of a solution in the making. */
final class Solutions {
  private Solutions() {}

  /** The text of the steps after the path's root, which is the prompt. */
  static String text(Policy policy, TokenPath path) {
    int[] all = path.toArray();
    TokenPath root = path;
    while (root.parent() != null) {
      root = root.parent();
    }
    int[] steps = new int[all.length - root.length()];
    System.arraycopy(all, root.length(), steps, 0, steps.length);
    return steps.length == 0 ? "" : policy.detokenize(steps);
  }

  /** True when the step ends the solution with an answer: the model drew its end token, or the answer is stated. */
  static boolean complete(Generation step, String solution) {
    return switch (step.finish()) {
      case END -> true;
      case STOP -> FinalAnswer.in(solution);
      case LENGTH -> false;
    };
  }
}
