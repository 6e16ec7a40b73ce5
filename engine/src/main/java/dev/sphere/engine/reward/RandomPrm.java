package dev.sphere.engine.reward;

import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Problem;
import dev.sphere.engine.ProcessRewardModel;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.search.Keys;
import java.util.List;

/** A control: scores that are uniform in [0, 1) and know nothing of the steps. The same key gives the same scores. */
public final class RandomPrm implements ProcessRewardModel {
  @Override
  public double[] score(Problem problem, TokenPath path, DrawKey key, List<Generation> candidates) {
    double[] scores = new double[candidates.size()];
    long stream = Keys.mix(Keys.mix(key.seed() + 0x9e3779b97f4a7c15L) ^ key.problem()) ^ key.node();
    for (int i = 0; i < scores.length; i++) {
      long bits = Keys.mix(stream + (i + 1) * 0x9e3779b97f4a7c15L);
      scores[i] = (bits >>> 11) * 0x1.0p-53;
    }
    return scores;
  }
}
