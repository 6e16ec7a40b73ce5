package dev.sphere.trainer;

import java.util.List;
import java.util.function.UnaryOperator;

/**
 * A causal language model whose parameters can be trained. All losses need two calls of it: read log-probabilities, hand
 * back one weight per log-probability. The loss itself is plain Java between the two.
 *
 * <p>Not thread-safe. Closing frees all native memory; closing twice is harmless.
 */
public interface TrainableModel extends AutoCloseable {
  /**
   * Natural-log probability of every prediction's target; of a process reward model with a head that head's logit of
   * "good" less that of "bad" where the prediction is made, whatever the target.
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

  /**
   * Forward, loss and backward in one: {@code lossWeights} sees this pass's log-probabilities and answers with their
   * weights. A model that can call it between its own forward and backward saves the separate forward pass that this
   * default makes.
   *
   * @param batch the micro-batch
   * @param lossWeights from the log-probabilities (one per prediction) to d loss / d log-probability (same length);
   *     called exactly once; what it throws is passed on, with the gradients left as they were
   * @return the log-probabilities of this pass, one per prediction
   */
  default float[] backward(PackedBatch batch, UnaryOperator<float[]> lossWeights) {
    float[] logProbs = logProbs(batch, false);
    backward(batch, lossWeights.apply(logProbs.clone()));
    return logProbs;
  }

  /**
   * For every prediction log Σ_v p(v)², the log-probability that two draws at its place would be the same token; it needs
   * the whole distribution, where {@link #logProbs} reads one entry.
   *
   * @param batch the micro-batch
   * @return one value per prediction, of the trained policy
   * @throws UnsupportedOperationException when this model cannot tell
   */
  default float[] logCollisions(PackedBatch batch) {
    throw new UnsupportedOperationException("this model does not tell its whole distribution, which WPO needs");
  }

  /**
   * What the last pass of the trained policy ({@link #logProbs} without reference, or a backward pass) saw at each
   * prediction, in its batch's order. It costs no pass of its own; ask before the next one.
   *
   * @return null when this model cannot tell
   */
  default Distributions distributions() {
    return null;
  }

  /** The trained parameters in a fixed order, with their gradients (F32, native memory). */
  List<Parameter> parameters();

  @Override
  void close();
}
