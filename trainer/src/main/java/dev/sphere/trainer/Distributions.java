package dev.sphere.trainer;

/**
 * The next-token distributions of a batch's predictions, one entry for each prediction.
 *
 * @param entropies −Σ p log p, in nats
 * @param meanLogits means of the logits over the vocabulary
 * @param tops whether the target is the most probable token; of equally probable ones the first in the vocabulary
 */
public record Distributions(float[] entropies, float[] meanLogits, boolean[] tops) {
  /** Entries to be filled in. */
  public Distributions(int predictions) {
    this(new float[predictions], new float[predictions], new boolean[predictions]);
  }
}
