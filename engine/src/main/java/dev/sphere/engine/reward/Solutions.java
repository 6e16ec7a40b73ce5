package dev.sphere.engine.reward;

import dev.sphere.engine.Generation;
import dev.sphere.engine.Policy;
import dev.sphere.engine.SolutionMarker;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.search.FinalAnswer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Steps, text and completeness of a partial solution, for process rewards. */
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

  /** The steps after the marker, where there is a marker to look for; none where the solution has not begun. */
  static List<String> afterMarker(SolutionMarker marker, List<String> steps) {
    if (marker.isNone()) {
      return steps;
    }
    int begin = marker.end(String.join("", steps));
    List<String> after = new ArrayList<>();
    for (String step : begin < 0 ? List.<String>of() : steps) {
      String rest = step.substring(Math.min(step.length(), begin));
      begin -= step.length() - rest.length();
      if (!rest.isBlank()) {
        after.add(after.isEmpty() ? rest.stripLeading() : rest);
      }
    }
    return after;
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

  /**
   * True when the step ends the solution with an answer: the model drew its end token, or the answer is stated.
   *
   * @param text all that was generated, the step included
   */
  static boolean complete(Generation step, SolutionMarker marker, String text) {
    return switch (step.finish()) {
      case END -> true;
      case STOP -> FinalAnswer.in(marker, text);
      case LENGTH -> false;
    };
  }
}
