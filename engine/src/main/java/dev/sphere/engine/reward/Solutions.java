package dev.sphere.engine.reward;

import dev.sphere.engine.Generation;
import dev.sphere.engine.Policy;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.search.FinalAnswer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

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

  /** The texts of the steps after the path's root, one for each node. Together they are {@link #text}. */
  static List<String> steps(Policy policy, TokenPath path) {
    List<TokenPath> nodes = new ArrayList<>();
    for (TokenPath p = path; p.parent() != null; p = p.parent()) {
      nodes.addFirst(p);
    }
    // Text so far minus text before: a tokenizer may spell a token otherwise at the beginning of a text.
    List<String> steps = new ArrayList<>();
    int[] tokens = {};
    String before = "";
    for (TokenPath node : nodes) {
      int[] own = node.ownTokens();
      int end = tokens.length;
      tokens = Arrays.copyOf(tokens, end + own.length);
      System.arraycopy(own, 0, tokens, end, own.length);
      String text = policy.detokenize(tokens);
      steps.add(text.startsWith(before) ? text.substring(before.length()) : policy.detokenize(own));
      before = text;
    }
    return steps;
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
