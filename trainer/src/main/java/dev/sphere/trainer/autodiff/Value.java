package dev.sphere.trainer.autodiff;

import dev.sphere.bindings.tensor.Tensor;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** A graph's tensor with its gradient. {@link Tape} and {@link Ops} make it. */
public final class Value {
  private final Tensor tensor;
  private final boolean differentiable;
  private final Consumer<Tensor> backward;
  private final Tensor sink;
  private Supplier<Tensor> recipe;
  private Tensor again;
  private Tensor gradient;
  private boolean ownsGradient;

  Value(Tensor tensor, boolean differentiable, Consumer<Tensor> backward, Tensor sink) {
    this.tensor = tensor;
    this.differentiable = differentiable;
    this.backward = backward;
    this.sink = sink;
  }

  /** The forward node. */
  public Tensor tensor() {
    return tensor;
  }

  /**
   * Lets the backward pass compute the forward node once more, from nodes that are kept anyway, so that this node's
   * memory is free until then.
   */
  Value recomputed(Supplier<Tensor> how) {
    recipe = how;
    return this;
  }

  /** The forward node for use in the backward pass, computed again where {@link #recomputed} allows it. */
  Tensor later() {
    if (recipe == null) {
      return tensor;
    }
    if (again == null) {
      again = recipe.get();
    }
    return again;
  }

  /** Whether this value depends on something that is trained. */
  public boolean differentiable() {
    return differentiable;
  }

  /** The gradient so far; null before the first part of it, and always for parameters. */
  public Tensor gradient() {
    return gradient;
  }

  /** The tensor that a parameter's gradient is added to; null for other values. */
  public Tensor sink() {
    return sink;
  }

  /** @param owned whether no other value holds the tensor, so that it may be added to in place */
  void gradient(Tensor tensor, boolean owned) {
    gradient = tensor;
    ownsGradient = owned;
  }

  boolean ownsGradient() {
    return ownsGradient;
  }

  /** Emits the vector-Jacobian products for the gradient collected so far, and forgets the gradient. */
  void runBackward() {
    if (backward != null && gradient != null) {
      Tensor collected = gradient;
      gradient = null;
      backward.accept(collected);
    }
  }
}
