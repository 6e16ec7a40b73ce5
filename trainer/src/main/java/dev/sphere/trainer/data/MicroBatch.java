package dev.sphere.trainer.data;

import dev.sphere.trainer.PackedBatch;

/**
 * A packed batch and the map from its examples to its predictions.
 *
 * @param examples indices of its examples in the list that was packed
 * @param predictions for each example, each of its sequences and each completion token in order the index of the
 *     prediction; sequences that share a token share its prediction
 */
public record MicroBatch(PackedBatch batch, int[] examples, int[][][] predictions, PackingStats stats) {
  /** Rounds a sum in double precision to the weights of a backward pass. */
  public static float[] floats(double[] values) {
    float[] rounded = new float[values.length];
    for (int i = 0; i < rounded.length; i++) {
      rounded[i] = (float) values[i];
    }
    return rounded;
  }

  /** The log-probabilities of a sequence's completion tokens, in order. */
  public float[] gather(float[] logProbs, int example, int sequence) {
    int[] index = predictions[example][sequence];
    float[] values = new float[index.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = logProbs[index[i]];
    }
    return values;
  }
}
