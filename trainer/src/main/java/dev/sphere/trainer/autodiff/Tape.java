package dev.sphere.trainer.autodiff;

import dev.sphere.bindings.tensor.Graph;
import dev.sphere.bindings.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/**
 * The values of a graph in the order in which they were computed, which {@link #backward} walks in reverse. The order
 * of the calls fixes the order of the gradients' nodes, and so memory and results.
 */
public final class Tape {
  private final Graph graph;
  private final List<Value> recorded = new ArrayList<>();

  public Tape(Graph graph) {
    this.graph = graph;
  }

  public Graph graph() {
    return graph;
  }

  /** A tensor without a derivative. */
  public Value constant(Tensor tensor) {
    return new Value(tensor, false, null, null);
  }

  /** A tensor whose gradient becomes {@link Value#gradient()}. */
  public Value variable(Tensor tensor) {
    return new Value(tensor, true, null, null);
  }

  /** A trained F32 tensor. Its gradient is added to {@code sink}, of the same shape, in place. */
  public Value parameter(Tensor tensor, Tensor sink) {
    return new Value(tensor, true, null, sink);
  }

  /**
   * Records an operation, unless none of its inputs is differentiable.
   *
   * @param result the forward node
   * @param backward takes the gradient of the result (contiguous) and gives each input its own with {@link #give}
   */
  public Value record(Tensor result, Consumer<Tensor> backward, Value... inputs) {
    boolean differentiable = Arrays.stream(inputs).anyMatch(Value::differentiable);
    Value value = new Value(result, differentiable, differentiable ? backward : null, null);
    if (differentiable) {
      recorded.add(value);
    }
    return value;
  }

  /** Adds {@code part} to the gradient of {@code value}. */
  public void give(Value value, Tensor part) {
    if (!value.differentiable()) {
      return;
    }
    Tensor whole = part.isContiguous() ? part : graph.cont(part);
    if (value.sink() != null) {
      graph.compute(graph.addInPlace(value.sink(), whole));
      return;
    }
    boolean first = value.gradient() == null;
    value.gradient(graph.compute(first ? whole : graph.add(value.gradient(), whole)), !first);
  }

  /**
   * Adds the output of a kernel to the gradient of {@code value}. Applied to a tensor the kernel adds to it in place;
   * applied to null it makes a new tensor, as it must where other values hold the present gradient.
   */
  public void giveInto(Value value, UnaryOperator<Tensor> kernel) {
    if (!value.differentiable()) {
      return;
    }
    if (value.sink() != null) {
      graph.compute(kernel.apply(value.sink()));
    } else if (value.gradient() == null || value.ownsGradient()) {
      value.gradient(graph.compute(kernel.apply(value.gradient())), true);
    } else {
      give(value, kernel.apply(null));
    }
  }

  /** A point on the tape to walk back to. */
  public int mark() {
    return recorded.size();
  }

  /** Emits and forgets the backward passes of everything recorded after {@code mark}. */
  public void backward(int mark) {
    for (int i = recorded.size() - 1; i >= mark; i--) {
      recorded.remove(i).runBackward();
    }
  }

  /** Gives {@code output} the gradient {@code seed} and walks all the way back. */
  public void backward(Value output, Tensor seed) {
    give(output, seed);
    backward(0);
  }
}
