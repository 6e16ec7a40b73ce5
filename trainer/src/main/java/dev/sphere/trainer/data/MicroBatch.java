package dev.sphere.trainer.data;

import dev.sphere.trainer.PackedBatch;

/**
 * A packed batch and the way back from its predictions to the examples.
 *
 * @param batch what the model computes
 * @param examples indices of its examples in the list that was packed
 * @param predictions for each example, each of its sequences, each completion token in order: the index of the
 *     prediction; sequences that share a token share the prediction
 * @param stats what packing did
 */
public record MicroBatch(PackedBatch batch, int[] examples, int[][][] predictions, PackingStats stats) {
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
