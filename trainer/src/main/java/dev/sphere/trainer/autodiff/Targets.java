package dev.sphere.trainer.autodiff;

import dev.sphere.bindings.tensor.Graph;
import dev.sphere.bindings.tensor.Tensor;
import dev.sphere.bindings.tensor.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

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
  private final List<Runnable> writes = new ArrayList<>();
  private final List<Consumer<float[]>> weightWrites = new ArrayList<>();
  private float[] weightValues;
  private Tensor offsets;
  private Tensor tokens;
  private Tensor weights;

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

  /** Adds the write of an input to {@link #write}. */
  void whenWritten(Runnable write) {
    writes.add(write);
  }

  /** Adds the write of an input that is made of the weights to {@link #writeWeights}. */
  void whenWeighted(Consumer<float[]> write) {
    weightWrites.add(write);
  }

  /** Sets the weights and writes them; in a graph that pauses, before its backward part is computed. */
  public void writeWeights(float[] values) {
    weightValues = values;
    weightWrites.forEach(write -> write.accept(values));
  }

  /** Writes all inputs that the operations have asked for; between the graph's allocate and compute. */
  public void write() {
    writes.forEach(Runnable::run);
    if (weightValues != null) {
      writeWeights(weightValues);
    }
  }

  /** The index of each target in the flattened logits [vocabulary, rows]. */
  int[] flatIndices(int vocabulary) {
    int[] index = new int[count];
    for (int r = 0; r < rows; r++) {
      for (int i = offsetValues[r]; i < offsetValues[r + 1]; i++) {
        index[i] = Math.addExact(Math.multiplyExact(r, vocabulary), tokenValues[i]);
      }
    }
    return index;
  }
}
