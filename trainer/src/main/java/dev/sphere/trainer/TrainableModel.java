package dev.sphere.trainer;

import java.util.List;

/**
 * A causal language model whose parameters can be trained. All losses need two calls of it: read log-probabilities, hand
 * back one weight per log-probability. The loss itself is plain Java between the two.
 *
 * <p>Not thread-safe. Closing frees all native memory; closing twice is harmless.
 */
public interface TrainableModel extends AutoCloseable {
  /**
   * Natural-log probability of every prediction's target.
   *
   * @param batch the micro-batch
   * @param reference true for the reference policy (LoRA: the adapter switched off)
   * @return one value per prediction, in the batch's order
   * @throws UnsupportedOperationException for a reference under full fine-tuning: cache its log-probabilities instead
   */
  float[] logProbs(PackedBatch batch, boolean reference);

  /**
   * Adds to the gradients the derivative of {@code sum_i weights[i] * logProb[i]}, of the trained policy (adapter on).
   *
   * @param batch the micro-batch
   * @param weights one weight per prediction: d loss / d log-probability
   * @return the log-probabilities of this pass, one per prediction
   */
  float[] backward(PackedBatch batch, float[] weights);

  /** The trained parameters in a fixed order, with their gradients (F32, native memory). */
  List<Parameter> parameters();

  @Override
  void close();
}
