package dev.sphere.engine.reward;

import dev.sphere.base.SplitMix;
import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Problem;
import dev.sphere.engine.ProcessRewardModel;
import dev.sphere.engine.TokenPath;
import java.util.List;

/** A control: scores that are uniform in [0, 1) and know nothing of the steps. The same key gives the same scores. */
public final class RandomPrm implements ProcessRewardModel {
  @Override
  public double[] score(Problem problem, TokenPath path, DrawKey key, List<Generation> candidates) {
    double[] scores = new double[candidates.size()];
    long stream = SplitMix.mix(SplitMix.mix(key.seed() + SplitMix.STEP) ^ key.problem()) ^ key.node();
    for (int i = 0; i < scores.length; i++) {
      long bits = SplitMix.mix(stream + (i + 1) * SplitMix.STEP);
      scores[i] = (bits >>> 11) * 0x1.0p-53;
    }
    return scores;
  }
}
