package dev.sphere.trainer.loss;

/**
 * The sequence log-probabilities of some pairs of an optimizer step. Arrays have one entry for each pair.
 *
 * @param chosen the policy's log-probability of the chosen completion, a sum over its tokens, which LD-DPO weighs
 * @param rejected the policy's log-probability of the rejected completion
 * @param refChosen the reference's log-probability of the chosen completion; 0 when reference-free
 * @param refRejected the reference's log-probability of the rejected completion; 0 when reference-free
 * @param pairsInStep pairs of the whole step, over which losses are means
 * @param chosenTokensInStep chosen tokens of the whole step, over which the sft loss is a mean
 * @param chosenWhole the policy's log-probability of the chosen completion without LD-DPO, for the sft loss; null where
 *     LD-DPO is off
 * @param weights WPO's constant factor on each pair's loss; null without WPO
 */
public record PairBatch(
    double[] chosen, double[] rejected, double[] refChosen, double[] refRejected, int[] chosenTokens,
    int[] rejectedTokens, int pairsInStep, long chosenTokensInStep, double[] chosenWhole, double[] weights) {
  double weight(int i) {
    return weights == null ? 1 : weights[i];
  }

  /** Number of pairs. */
  public int size() {
    return chosen.length;
  }
}
