package dev.sphere.trainer.loss;

/**
 * The sequence log-probabilities of some pairs of an optimizer step. Arrays have one entry per pair.
 *
 * @param chosen the policy's log-probability of the chosen completion (sum over its tokens; LD-DPO weighs those of a tail)
 * @param rejected the same of the rejected one
 * @param refChosen the reference's log-probability of the chosen completion; 0 when reference-free
 * @param refRejected the same of the rejected one
 * @param chosenTokens tokens of the chosen completion, at least 1
 * @param rejectedTokens tokens of the rejected completion, at least 1
 * @param pairsInStep pairs of the whole step: losses are means over them
 * @param chosenTokensInStep chosen tokens of the whole step: the sft loss is a mean over them
 * @param chosenWhole the policy's log-probability of the chosen completion, all tokens alike, which the sft loss reads; null:
 *     {@code chosen} is that
 * @param weights a factor on each pair's loss, taken as a constant (WPO); null: 1 for all
 */
public record PairBatch(
    double[] chosen,
    double[] rejected,
    double[] refChosen,
    double[] refRejected,
    int[] chosenTokens,
    int[] rejectedTokens,
    int pairsInStep,
    long chosenTokensInStep,
    double[] chosenWhole,
    double[] weights) {
  public PairBatch {
    int n = chosen.length;
    if (rejected.length != n
        || refChosen.length != n
        || refRejected.length != n
        || chosenTokens.length != n
        || rejectedTokens.length != n
        || chosenWhole != null && chosenWhole.length != n
        || weights != null && weights.length != n) {
      throw new IllegalArgumentException("arrays of different lengths in a batch of " + n + " pairs");
    }
  }

  /** Factor on the loss of pair i. */
  double weight(int i) {
    return weights == null ? 1 : weights[i];
  }

  /** Number of pairs here. */
  public int size() {
    return chosen.length;
  }
}
