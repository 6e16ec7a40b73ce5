package dev.sphere.engine.eval;

import dev.sphere.base.SplitMix;
import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Policy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.ProcessRewardModel;
import dev.sphere.engine.StopRule;
import dev.sphere.engine.TokenPath;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Lets a process reward judge a whole solution step by step, with the tokens that the policy drew. Thread-safe. */
public final class StepScorer {
  private final Policy policy;
  private final ProcessRewardModel prm;
  private final StopRule step;

  /**
   * @param prm the judge
   * @param separator the text that ends a step, as in search
   */
  public StepScorer(Policy policy, ProcessRewardModel prm, String separator) {
    this.policy = policy;
    this.prm = prm;
    this.step = StopRule.afterStep(separator);
  }

  /**
   * Scores a solution's steps.
   *
   * @param prompt the path that the solution continues
   * @param key names the random numbers of a sampling judge; the step's index joins its node
   * @return a score in [0, 1] for each step; empty for a solution without tokens
   */
  public List<Double> score(Problem problem, TokenPath prompt, Generation solution, DrawKey key)
      throws InterruptedException {
    List<Double> scores = new ArrayList<>();
    TokenPath path = prompt;
    int from = 0;
    for (Generation s : steps(solution)) {
      DrawKey k = new DrawKey(key.seed(), key.problem(), SplitMix.mix(key.node() + 31L * key.draw() + from), 0);
      scores.add(prm.score(problem, path, k, List.of(s))[0]);
      path = path.extend(s.tokens());
      from += s.tokens().length;
    }
    return scores;
  }

  /** The solution cut where search would have ended each step. */
  List<Generation> steps(Generation g) {
    List<Generation> steps = new ArrayList<>();
    int from = 0;
    int shown = 0;
    for (int i = 0; i < g.tokens().length; i++) {
      String text = policy.detokenize(slice(g.tokens(), from, i + 1));
      boolean last = i == g.tokens().length - 1;
      if (last || step.stop(text, Math.min(shown, text.length()))) {
        steps.add(new Generation(slice(g.tokens(), from, i + 1), Arrays.copyOfRange(g.logProbs(), from, i + 1),
            text, last ? g.finish() : Generation.Finish.STOP));
        from = i + 1;
        shown = 0;
      } else {
        shown = text.length();
      }
    }
    return steps;
  }

  private static int[] slice(int[] tokens, int from, int to) {
    return Arrays.copyOfRange(tokens, from, to);
  }
}
