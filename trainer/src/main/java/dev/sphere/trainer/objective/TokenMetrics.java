package dev.sphere.trainer.objective;

import dev.sphere.trainer.Distributions;
import dev.sphere.trainer.checkpoint.MetricSums;

/**
 * Means over completion tokens of facts of their {@link Distributions}, with TRL's names and definitions
 * (huggingface/trl f2cd577, dpo_trainer.py and sft_trainer.py). A token that two sequences share counts twice.
 */
final class TokenMetrics {
  private double tokens;
  private double entropy;
  private double right;
  private double logits;

  /**
   * Adds tokens.
   *
   * @param seen null where the model does not keep distributions; then nothing is reported
   * @param predictions the tokens' predictions
   * @param weight of each token
   */
  void add(Distributions seen, int[] predictions, double weight) {
    if (seen == null) {
      return;
    }
    for (int i : predictions) {
      tokens += weight;
      entropy += weight * seen.entropies()[i];
      right += seen.tops()[i] ? weight : 0;
      logits += weight * seen.meanLogits()[i];
    }
  }

  /** Reports entropy and mean_token_accuracy of completions to imitate. */
  static void report(TokenMetrics all, MetricSums metrics) {
    if (all.tokens > 0) {
      metrics.add("entropy", all.entropy / all.tokens);
      metrics.add("mean_token_accuracy", all.right / all.tokens);
    }
  }

  /** Reports the entropy of a step's tokens, the accuracy of the chosen ones, and the mean logits of both sides. */
  static void report(TokenMetrics chosen, TokenMetrics rejected, MetricSums metrics) {
    if (chosen.tokens > 0 && rejected.tokens > 0) {
      metrics.add("entropy", (chosen.entropy + rejected.entropy) / (chosen.tokens + rejected.tokens));
      metrics.add("mean_token_accuracy", chosen.right / chosen.tokens);
      metrics.add("logits/chosen", chosen.logits / chosen.tokens);
      metrics.add("logits/rejected", rejected.logits / rejected.tokens);
    }
  }
}
