package dev.sphere.trainer.loss;

/** The weighted sum of a training's losses. Thread-safe. */
public final class PreferenceLoss {
  private final LossSettings settings;

  public PreferenceLoss(LossSettings settings) {
    this.settings = settings;
  }

  public LossSettings settings() {
    return settings;
  }

  /**
   * The loss and its gradient by the pairs' log-probabilities. NaN or infinite log-probabilities give NaN or an
   * infinite loss.
   */
  public LossValue evaluate(PairBatch batch) {
    double[] dChosen = new double[batch.size()];
    double[] dRejected = new double[batch.size()];
    double[] dWhole = new double[batch.size()];
    double loss = 0;
    for (int k = 0; k < settings.losses().size(); k++) {
      LossType type = settings.losses().get(k);
      boolean whole = type == LossType.SFT && batch.chosenWhole() != null;
      loss += type.add(batch, settings, settings.weights().get(k), whole ? dWhole : dChosen, dRejected);
    }
    return new LossValue(loss, dChosen, dRejected, dWhole);
  }

  /**
   * Sum of a completion's token log-probabilities in double precision. LD-DPO multiplies those of tokens past the other
   * completion's length by {@code ldAlpha}.
   */
  public double sequence(float[] tokenLogProbs, int otherLength) {
    double sum = 0;
    double tail = 0;
    for (int i = 0; i < tokenLogProbs.length; i++) {
      if (i < otherLength) {
        sum += tokenLogProbs[i];
      } else {
        tail += tokenLogProbs[i];
      }
    }
    return tail == 0 ? sum : sum + settings.ldAlpha() * tail;
  }

  /** Whether LD-DPO is on, so that {@link #sequence} is not the plain sum. */
  public boolean weighsTail() {
    return settings.ldAlpha() != 1;
  }

  /** d sequence / d log-probability of the token with this index. */
  public double tokenFactor(int index, int otherLength) {
    return index < otherLength ? 1 : settings.ldAlpha();
  }
}
