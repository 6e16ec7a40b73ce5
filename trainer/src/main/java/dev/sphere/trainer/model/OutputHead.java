package dev.sphere.trainer.model;

import dev.sphere.trainer.autodiff.Value;
import java.util.List;

/**
 * The head after the last layer of a {@link ChunkGraph}: a value for each of the chunk's predictions (a
 * log-probability; of a reward head the logit of good minus that of bad) and its backward pass. {@link #forward} and
 * {@link #backward} add nodes to the graph. Once the graph has memory come {@link #writeInputs}, {@link
 * #writeWeights}, the computation and {@link #values}.
 */
interface OutputHead {
  /**
   * Rows whose logits exist at once: as many as fit into a quarter of the activations' memory, but at least 64, since
   * packing the head's matrix for the kernel costs as much as multiplying 64 rows.
   */
  static int rowsAtOnce(Architecture shape, ModelOptions options) {
    return Math.clamp(options.activationBytes() / 16 / shape.vocabulary(), 64, 1024);
  }

  /** Adds the nodes of the values. */
  void forward(Value x);

  /** Adds the nodes of the gradient by the head's input, after all nodes of the graph's forward part. */
  void backward();

  /** Adds the nodes of both passes, for known weights of the loss. */
  default void forwardAndBackward(Value x, float[] lossWeights) {
    forward(x);
    backward();
  }

  /** Writes all inputs but the weights of the loss. */
  void writeInputs();

  /** Writes the weights of the loss, one for each prediction in the chunk's order. */
  void writeWeights(float[] lossWeights);

  /**
   * The values in the chunk's order. Where libsphere's kernel computes them, as many entropies follow, as many means
   * of the logits, and for each prediction 1 where the target is the arg max, else 0.
   */
  float[] values();

  /** Joins the {@link #values} of consecutive parts of the predictions. */
  static float[] join(int predictions, List<float[]> parts) {
    int kinds = parts.stream().mapToInt(part -> part.length).sum() / Math.max(1, predictions);
    float[] all = new float[kinds * predictions];
    int first = 0;
    for (float[] part : parts) {
      int n = part.length / kinds;
      for (int k = 0; k < kinds; k++) {
        System.arraycopy(part, k * n, all, k * predictions + first, n);
      }
      first += n;
    }
    return all;
  }
}
