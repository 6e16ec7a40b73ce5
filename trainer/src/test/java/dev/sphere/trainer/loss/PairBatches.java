package dev.sphere.trainer.loss;

import java.util.Arrays;

/** Pairs that all count alike, with no token weighed by LD-DPO. */
final class PairBatches {
  private PairBatches() {}

  /** All pairs of a step. */
  static PairBatch whole(
      double[] chosen, double[] rejected, double[] refChosen, double[] refRejected, int[] chosenTokens,
      int[] rejectedTokens) {
    return part(chosen, rejected, refChosen, refRejected, chosenTokens, rejectedTokens, chosen.length,
        Arrays.stream(chosenTokens).sum());
  }

  /** Some pairs of a step of {@code pairs} pairs and {@code tokens} chosen tokens. */
  static PairBatch part(
      double[] chosen, double[] rejected, double[] refChosen, double[] refRejected, int[] chosenTokens,
      int[] rejectedTokens, int pairs, long tokens) {
    return new PairBatch(
        chosen, rejected, refChosen, refRejected, chosenTokens, rejectedTokens, pairs, tokens, null, null);
  }

  static Divergence divergence(String label) {
    return java.util.Arrays.stream(Divergence.values()).filter(d -> d.label().equals(label)).findFirst().orElseThrow();
  }
}
