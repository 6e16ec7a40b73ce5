package dev.sphere.trainer.loss;

/**
 * The numbers of one pair in a loss formula. Ratios are log π - log π_ref; scores are ratios after {@link
 * Divergence#score}.
 *
 * @param chosenWhole log π of the chosen completion without LD-DPO; its derivative is by itself
 * @param tokensPerPair mean number of chosen tokens of the step's pairs
 */
record Pair(
    Dual chosenWhole, Dual chosenRatio, Dual rejectedRatio, Dual chosenScore, Dual rejectedScore, int chosenTokens,
    int rejectedTokens, double tokensPerPair, LossSettings settings) {
  static Pair of(PairBatch b, int i, LossSettings s) {
    Dual chosen = new Dual(b.chosen()[i], 1, 0);
    Dual rejected = new Dual(b.rejected()[i], 0, 1);
    Dual chosenRatio = chosen.minus(s.referenceFree() ? 0 : b.refChosen()[i]);
    Dual rejectedRatio = rejected.minus(s.referenceFree() ? 0 : b.refRejected()[i]);
    return new Pair(
        b.chosenWhole() == null ? chosen : new Dual(b.chosenWhole()[i], 1, 0),
        chosenRatio, rejectedRatio,
        s.divergence().score(chosenRatio, s.alpha()), s.divergence().score(rejectedRatio, s.alpha()),
        b.chosenTokens()[i], b.rejectedTokens()[i],
        (double) b.chosenTokensInStep() / b.pairsInStep(), s);
  }

  /** β h, the logit of the sigmoid losses. */
  Dual logit() {
    return chosenScore.minus(rejectedScore).times(beta());
  }

  double beta() {
    return settings.beta();
  }

  double smoothing() {
    return settings.labelSmoothing();
  }
}
