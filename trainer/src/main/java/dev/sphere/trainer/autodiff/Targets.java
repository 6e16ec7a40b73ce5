package dev.sphere.trainer.autodiff;

import dev.sphere.bindings.tensor.Graph;
import dev.sphere.bindings.tensor.Tensor;
import dev.sphere.bindings.tensor.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * The tokens that rows of hidden states predict: row r predicts targets {@code offsets[r] .. offsets[r + 1] - 1},
 * several where the tree branches. Weights are the derivatives of the loss by each log-probability.
 */
public final class Targets {
  final int rows;
  final int count;
  private final Graph graph;
  final int[] offsetValues;
  final int[] tokenValues;
  private final List<Runnable> writes = new ArrayList<>();
  private final List<Consumer<float[]>> weightWrites = new ArrayList<>();
  private float[] weightValues;
  private Tensor offsets;
  private Tensor tokens;
  private Tensor weights;

  /**
   * @param offsets length rows + 1, ascending from 0
   * @param tokens the predicted tokens
   * @param weights one for each token; null until {@link #writeWeights} sets them
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
      offsets = input(offsetValues);
    }
    return offsets;
  }

  /** I32 [count]. */
  Tensor tokens() {
    if (tokens == null) {
      tokens = input(tokenValues);
    }
    return tokens;
  }

  private Tensor input(int[] values) {
    Tensor tensor = graph.input(TensorType.I32, values.length);
    whenWritten(() -> tensor.write(values));
    return tensor;
  }

  /** F32 [count]. */
  Tensor weights() {
    if (weights == null) {
      Tensor tensor = graph.input(TensorType.F32, count);
      whenWeighted(tensor::write);
      weights = tensor;
    }
    return weights;
  }

  void whenWritten(Runnable write) {
    writes.add(write);
  }

  void whenWeighted(Consumer<float[]> write) {
    weightWrites.add(write);
  }

  /** Writes the weights, before the graph's backward part is computed. */
  public void writeWeights(float[] values) {
    weightValues = values;
    weightWrites.forEach(write -> write.accept(values));
  }

  /** Writes the inputs that operations use; call it between the graph's allocate and compute. */
  public void write() {
    writes.forEach(Runnable::run);
    if (weightValues != null) {
      writeWeights(weightValues);
    }
  }
}
