package dev.sphere.trainer.autodiff;

import dev.sphere.bindings.tensor.Tensor;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** A tensor of a graph that derivatives may flow through. Made by {@link Tape} and {@link Ops} only. */
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
   * Says how to compute the forward node once more, from nodes that are kept anyway, so that its own memory can be used
   * again before the backward pass.
   */
  Value recomputed(Supplier<Tensor> how) {
    recipe = how;
    return this;
  }

  /** The forward node, or the same computed again, for use in the backward pass. */
  Tensor later() {
    if (recipe == null) {
      return tensor;
    }
    if (again == null) {
      again = recipe.get();
    }
    return again;
  }

  /** Whether anything that is trained stands behind this value. */
  public boolean differentiable() {
    return differentiable;
  }

  /** The gradient node after the backward pass; null while nothing has flown here, and always for parameters. */
  public Tensor gradient() {
    return gradient;
  }

  /** Where a parameter's gradient is summed; null for everything else. */
  public Tensor sink() {
    return sink;
  }

  /** Sets the gradient; {@code owned} if nothing else holds this tensor, so that it may be added to in place. */
  void gradient(Tensor tensor, boolean owned) {
    gradient = tensor;
    ownsGradient = owned;
  }

  boolean ownsGradient() {
    return ownsGradient;
  }

  /** Emits the vector-Jacobian products for the gradient collected so far, then lets go of it. */
  void runBackward() {
    if (backward != null && gradient != null) {
      Tensor collected = gradient;
      gradient = null;
      backward.accept(collected);
    }
  }
}
