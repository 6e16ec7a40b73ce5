package dev.sphere.trainer.objective;

import dev.sphere.trainer.Distributions;
import dev.sphere.trainer.checkpoint.MetricSums;

/**
 * Means over completion tokens of what their distributions were, by TRL's names and definitions
 * (huggingface/trl f2cd577, dpo_trainer.py and sft_trainer.py). A token that two sequences share counts in each.
 */
final class TokenMetrics {
  private double tokens;
  private double entropy;
  private double right;
  private double logits;

  /**
   * Some more tokens.
   *
   * @param seen null where the model cannot tell: then nothing is reported
   * @param predictions of the tokens
   * @param weight of each
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

  /** Of completions to imitate: entropy and mean_token_accuracy. */
  static void report(TokenMetrics all, MetricSums metrics) {
    if (all.tokens > 0) {
      metrics.add("entropy", all.entropy / all.tokens);
      metrics.add("mean_token_accuracy", all.right / all.tokens);
    }
  }

  /** Of pairs: the entropy of all tokens, the accuracy of the chosen ones, and each side's mean logits. */
  static void report(TokenMetrics chosen, TokenMetrics rejected, MetricSums metrics) {
    if (chosen.tokens > 0 && rejected.tokens > 0) {
      metrics.add("entropy", (chosen.entropy + rejected.entropy) / (chosen.tokens + rejected.tokens));
      metrics.add("mean_token_accuracy", chosen.right / chosen.tokens);
      metrics.add("logits/chosen", chosen.logits / chosen.tokens);
      metrics.add("logits/rejected", rejected.logits / rejected.tokens);
    }
  }
}
