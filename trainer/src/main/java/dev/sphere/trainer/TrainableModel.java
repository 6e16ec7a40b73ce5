package dev.sphere.trainer;

import java.util.List;
import java.util.function.UnaryOperator;

/**
 * A causal language model whose parameters can be trained. A loss reads log-probabilities from it and hands back one
 * weight for each; the loss itself is plain Java between the two calls. Not thread-safe. Closing frees all native
 * memory.
 */
public interface TrainableModel extends AutoCloseable {
  /**
   * The natural-log probability of every prediction's target. A process reward model with a head gives instead the
   * head's logit of "good" minus that of "bad" at the prediction's source.
   *
   * @param reference true for the reference policy (LoRA: the adapter switched off)
   * @return one value for each prediction, in the batch's order
   * @throws UnsupportedOperationException for a reference under full fine-tuning: cache its log-probabilities instead
   */
  float[] logProbs(PackedBatch batch, boolean reference);

  /**
   * Adds to the gradients the derivative of {@code sum_i weights[i] * logProb[i]} of the trained policy (adapter on).
   *
   * @param weights d loss / d log-probability, one for each prediction
   * @return the log-probabilities of this pass
   */
  float[] backward(PackedBatch batch, float[] weights);

  /**
   * Forward pass, loss and backward pass in one. A model that can call the loss between its own forward and backward
   * pass saves the separate forward pass of this default.
   *
   * @param lossWeights maps the log-probabilities to d loss / d log-probability; called exactly once. If it throws, the
   *     gradients are left as they were
   * @return the log-probabilities of this pass
   */
  default float[] backward(PackedBatch batch, UnaryOperator<float[]> lossWeights) {
    float[] logProbs = logProbs(batch, false);
    backward(batch, lossWeights.apply(logProbs.clone()));
    return logProbs;
  }

  /**
   * log Σ_v p(v)² of the trained policy at every prediction: the log-probability that two draws would be the same
   * token.
   *
   * @throws UnsupportedOperationException when this model does not compute it
   */
  default float[] logCollisions(PackedBatch batch) {
    throw new UnsupportedOperationException("this model does not give its whole distribution, which WPO needs");
  }

  /**
   * The distributions at each prediction of the last pass of the trained policy ({@link #logProbs} without reference,
   * or a backward pass). They cost no pass of their own.
   *
   * @return null when this model does not keep them
   */
  default Distributions distributions() {
    return null;
  }

  /** The trained parameters in a fixed order, with their gradients (F32, native memory). */
  List<Parameter> parameters();

  @Override
  void close();
}
