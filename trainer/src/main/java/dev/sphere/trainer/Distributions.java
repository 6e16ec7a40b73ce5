package dev.sphere.trainer;

/**
 * What each prediction of a batch was drawn from: facts of a model's whole next-token distribution, where its
 * log-probability tells of one token. Predictions that share a row of logits share its entropy and mean.
 *
 * @param entropies −Σ p log p, in nats
 * @param meanLogits means of the logits over the vocabulary
 * @param tops whether the target is the most probable token, the first one in the vocabulary of equal ones
 */
public record Distributions(float[] entropies, float[] meanLogits, boolean[] tops) {
  /** For as many predictions, to be filled in. */
  public Distributions(int predictions) {
    this(new float[predictions], new float[predictions], new boolean[predictions]);
  }
}
