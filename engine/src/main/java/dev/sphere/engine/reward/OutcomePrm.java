package dev.sphere.engine.reward;

import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.OutcomeReward;
import dev.sphere.engine.Policy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.ProcessRewardModel;
import dev.sphere.engine.TokenPath;
import java.util.List;

/**
 * A control that knows outcomes and nothing of the way there: a step that completes the solution scores 1 or 0 by its
 * answer, one that was cut scores 0, every other step scores 0.5.
 */
public final class OutcomePrm implements ProcessRewardModel {
  private final Policy policy;
  private final OutcomeReward outcome;

  public OutcomePrm(Policy policy, OutcomeReward outcome) {
    this.policy = policy;
    this.outcome = outcome;
  }

  @Override
  public double[] score(Problem problem, TokenPath path, DrawKey key, List<Generation> candidates) {
    String before = Solutions.text(policy, path);
    double[] scores = new double[candidates.size()];
    for (int i = 0; i < scores.length; i++) {
      Generation step = candidates.get(i);
      String solution = before + step.text();
      if (Solutions.complete(step, path.marker(), solution)) {
        scores[i] = outcome.correct(problem, path.marker().solutionOrAll(solution)) ? 1 : 0;
      } else {
        scores[i] = step.finish() == Generation.Finish.LENGTH ? 0 : 0.5;
      }
    }
    return scores;
  }
}
