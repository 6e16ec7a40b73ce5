package dev.sphere.trainer.autodiff;

import dev.sphere.bindings.tensor.Graph;
import dev.sphere.bindings.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/**
 * The order in which values were computed, so that {@link #backward} can walk it in reverse. Gradients reach the graph
 * in the order in which they are emitted, so memory and results do not depend on anything but the calls made.
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

  /** A tensor that no derivative is wanted of. */
  public Value constant(Tensor tensor) {
    return new Value(tensor, false, null, null);
  }

  /** A tensor whose gradient is wanted as {@link Value#gradient()}. */
  public Value variable(Tensor tensor) {
    return new Value(tensor, true, null, null);
  }

  /** A trained tensor (F32) and the tensor of the same shape that its gradient is added to, in place. */
  public Value parameter(Tensor tensor, Tensor sink) {
    return new Value(tensor, true, null, sink);
  }

  /**
   * An operation's result.
   *
   * @param result the forward node
   * @param backward given the gradient of the result (contiguous), hands each input its own through {@link #give}
   * @param inputs whatever the operation depends on; without a differentiable one nothing is recorded
   */
  public Value record(Tensor result, Consumer<Tensor> backward, Value... inputs) {
    boolean differentiable = false;
    for (Value input : inputs) {
      differentiable |= input.differentiable();
    }
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
   * Adds to the gradient of {@code value} what {@code kernel} makes: given a tensor, it adds to it in place; given null,
   * it makes a tensor of its own. A gradient that others may hold is not overwritten.
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

  /** Walks back over everything recorded after {@code mark} and forgets it. */
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
