package dev.sphere.trainer.rl;

import dev.sphere.base.InFlight;
import dev.sphere.base.SplitMix;
import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Generation.Finish;
import dev.sphere.engine.Policy;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.StopRule;
import dev.sphere.engine.TokenPath;
import java.util.ArrayList;
import java.util.List;

/**
 * Draws trees from a policy: independent draws at temperature 1 from every distinct beginning, level by level for all
 * problems at once. What is drawn depends on policy, seed, problem, update and places alone.
 *
 * @param widths draws of an expansion at each level
 * @param maxTokens most tokens of a solution
 */
record TreeDraws(Policy policy, long seed, List<Integer> widths, int maxTokens) {
  private static final int IN_FLIGHT = 256; // calls; the policy decides how many of their draws step together
  private static final long TREES = SplitMix.hash("rl");

  /** A node that is expanded at the next level. */
  private record Open(DrawTree node, TokenPath path, long problem, long key, int left) {}

  /**
   * A prompt.
   *
   * @param problem a hash of the problem's id
   */
  record Asked(long problem, int[] tokens) {}

  /**
   * One tree of each problem.
   *
   * @param update part of the draws' keys: a problem that comes again is drawn anew
   * @param lines of each level but the last: after so many lines of its own it branches
   */
  List<DrawTree> draw(List<Asked> problems, long update, List<Integer> lines) throws InterruptedException {
    List<DrawTree> trees = new ArrayList<>();
    List<Open> open = new ArrayList<>();
    for (Asked p : problems) {
      trees.add(DrawTree.root());
      open.add(new Open(trees.getLast(), TokenPath.root(p.tokens), p.problem, SplitMix.mix(TREES + update), maxTokens));
    }
    for (int level = 0; level < widths.size(); level++) {
      StopRule stop = level + 1 == widths.size() ? StopRule.never() : afterLines(lines.get(level));
      int draws = widths.get(level);
      List<List<Generation>> drawn =
          InFlight.run(open, IN_FLIGHT, o -> policy.generate(o.path, requests(o, draws, stop)), (index, result) -> {});
      List<Open> next = new ArrayList<>();
      for (int i = 0; i < drawn.size(); i++) {
        Open o = open.get(i);
        List<DrawTree> children = o.node.expand(drawn.get(i));
        for (int c = 0; c < children.size(); c++) {
          Generation g = children.get(c).edge();
          int left = o.left - g.tokens().length;
          if (g.finish() == Finish.STOP && left > 0) {
            long key = SplitMix.mix(o.key + SplitMix.STEP * (c + 1));
            next.add(new Open(children.get(c), o.path.extend(g.tokens()), o.problem, key, left));
          }
        }
      }
      open = next;
    }
    return trees;
  }

  private List<Policy.Request> requests(Open o, int draws, StopRule stop) {
    List<Policy.Request> requests = new ArrayList<>();
    for (int k = 0; k < draws; k++) {
      DrawKey key = new DrawKey(seed, o.problem, o.key, k);
      requests.add(new Policy.Request(key, SamplingSettings.temperature(1, o.left), stop));
    }
    return requests;
  }

  /** Ends a draw after so many lines that are not blank. */
  static StopRule afterLines(int lines) {
    return (text, newFrom) -> {
      boolean ended = false;
      for (int i = newFrom; i < text.length() && !ended; i++) {
        ended = text.charAt(i) == '\n';
      }
      return ended && lines(text) >= lines;
    };
  }

  /** Lines that are not blank and have an end. */
  static int lines(CharSequence text) {
    int lines = 0;
    boolean blank = true;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      lines += c == '\n' && !blank ? 1 : 0;
      blank = c == '\n' || blank && Character.isWhitespace(c);
    }
    return lines;
  }

  /** Lines of a whole solution: its last one may have no end. */
  static int linesOf(String solution) {
    return lines(solution) + (solution.endsWith("\n") ? 0 : 1);
  }

  /**
   * After how many lines of its own each level but the last branches: the levels share the lines that a solution has.
   * They must come from earlier draws: places that are chosen by looking at the finished draw are biased.
   *
   * @param mean lines of a solution; NaN where no draw has told
   */
  static List<Integer> places(double mean, int levels) {
    List<Integer> lines = new ArrayList<>();
    int before = 0;
    for (int level = 1; level < levels; level++) {
      int at = Double.isNaN(mean) ? level : Math.max(before + 1, (int) Math.round(mean * level / levels));
      lines.add(at - before);
      before = at;
    }
    return lines;
  }
}
