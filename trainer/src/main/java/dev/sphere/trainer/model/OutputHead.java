package dev.sphere.trainer.model;

import dev.sphere.trainer.autodiff.Value;
import java.util.List;

/**
 * What follows the last layer in a {@link ChunkGraph}: a value for each of the chunk's predictions (its log-probability; of a
 * reward head the logit of good less that of bad) and the way back from them. First describe, then, once the graph has
 * its memory, {@link #writeInputs} and {@link #writeWeights}, compute, read {@link #values}.
 */
interface OutputHead {
  /**
   * Rows whose logits exist at once: a quarter of the activations' memory, and not below 64, where packing the head's
   * matrix costs as much as using it.
   */
  static int rowsAtOnce(Architecture shape, ModelOptions options) {
    return Math.clamp(options.activationBytes() / 16 / shape.vocabulary(), 64, 1024);
  }

  /** Describes the values, with what {@link #backward} needs. */
  void forward(Value x);

  /** Describes the way back from the head to its input, once the graph's forward part has been described. */
  void backward();

  /** Describes both, for weights of the loss that are known already. */
  default void forwardAndBackward(Value x, float[] lossWeights) {
    forward(x);
    backward();
  }

  /** Writes all inputs that are known. */
  void writeInputs();

  /** Writes the weights of the loss, one for each prediction in the chunk's order. */
  void writeWeights(float[] lossWeights);

  /**
   * The values in the chunk's order. Behind them, where libsphere's kernel tells of whole distributions, as many of each:
   * entropies, means of the logits, and 1 for a target that is the arg max, else 0.
   */
  float[] values();

  /** One array like {@link #values} of those of parts that follow each other. */
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
