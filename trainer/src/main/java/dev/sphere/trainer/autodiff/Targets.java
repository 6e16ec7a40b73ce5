package dev.sphere.trainer.autodiff;

import dev.sphere.bindings.tensor.Graph;
import dev.sphere.bindings.tensor.Tensor;
import dev.sphere.bindings.tensor.TensorType;

/**
 * Which tokens are predicted by which rows: row r predicts targets {@code offsets[r] .. offsets[r + 1] - 1} (several
 * after a branching). Weights are the derivatives of the loss by each log-probability.
 */
public final class Targets {
  final int rows;
  final int count;
  private final Graph graph;
  private final int[] offsetValues;
  private final int[] tokenValues;
  private float[] weightValues;
  private Tensor offsets;
  private Tensor tokens;
  private Tensor weights;
  private Tensor flat;
  private Tensor dense;
  private int vocabulary;

  /**
   * @param offsets length rows + 1, ascending from 0
   * @param tokens the predicted tokens
   * @param weights as many, or null while they are not known (see {@link #writeWeights})
   */
  public Targets(Graph graph, int[] offsets, int[] tokens, float[] weights) {
    this.graph = graph;
    this.rows = offsets.length - 1;
    this.count = tokens.length;
    this.offsetValues = offsets;
    this.tokenValues = tokens;
    this.weightValues = weights;
  }

  /** I32 [rows + 1]. */
  Tensor offsets() {
    if (offsets == null) {
      offsets = graph.input(TensorType.I32, offsetValues.length);
    }
    return offsets;
  }

  /** I32 [count]. */
  Tensor tokens() {
    if (tokens == null) {
      tokens = graph.input(TensorType.I32, count);
    }
    return tokens;
  }

  /** F32 [count]. */
  Tensor weights() {
    if (weights == null) {
      weights = graph.input(TensorType.F32, count);
    }
    return weights;
  }

  /** I32 [count]: index of each target in the flattened logits [vocabulary, rows]. */
  Tensor flat(int vocabulary) {
    this.vocabulary = vocabulary;
    if (flat == null) {
      flat = graph.input(TensorType.I32, count);
    }
    return flat;
  }

  /** F32 [vocabulary, rows]: the weights at their targets, else 0. */
  Tensor dense(int vocabulary) {
    this.vocabulary = vocabulary;
    if (dense == null) {
      dense = graph.input(TensorType.F32, vocabulary, rows);
    }
    return dense;
  }

  /** Sets the weights and writes them; in a graph that pauses, before its backward part is computed. */
  public void writeWeights(float[] values) {
    weightValues = values;
    if (weights != null) {
      weights.write(values);
    }
    if (dense != null) {
      float[] table = new float[Math.multiplyExact(vocabulary, rows)];
      int[] index = flatIndices();
      for (int i = 0; i < count; i++) {
        table[index[i]] += values[i];
      }
      dense.write(table);
    }
  }

  /** Writes whatever inputs the operations have asked for; between the graph's allocate and compute. */
  public void write() {
    if (offsets != null) {
      offsets.write(offsetValues);
    }
    if (tokens != null) {
      tokens.write(tokenValues);
    }
    if (flat != null) {
      flat.write(flatIndices());
    }
    if (weightValues != null) {
      writeWeights(weightValues);
    }
  }

  private int[] flatIndices() {
    int[] index = new int[count];
    for (int r = 0; r < rows; r++) {
      for (int i = offsetValues[r]; i < offsetValues[r + 1]; i++) {
        index[i] = Math.addExact(Math.multiplyExact(r, vocabulary), tokenValues[i]);
      }
    }
    return index;
  }
}
