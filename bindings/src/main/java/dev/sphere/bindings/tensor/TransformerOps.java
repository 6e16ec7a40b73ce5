package dev.sphere.bindings.tensor;

import static dev.sphere.bindings.tensor.TensorOps.require;
import static dev.sphere.bindings.tensor.TensorOps.requireSame;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * ggml's operations that transformers are made of, each with what its gradient needs, as nodes of a graph. Shapes are
 * checked, with an IllegalArgumentException, since ggml ends the process on a mismatch.
 */
public final class TransformerOps {
  private final Graph graph;

  /** Operations that add their nodes to {@code graph}. */
  public TransformerOps(Graph graph) {
    this.graph = graph;
  }

  /** Divides each row by the root of (its mean square + eps). */
  public Tensor rmsNorm(Tensor a, float eps) {
    return graph.node(() -> (MemorySegment) Ggml.RMS_NORM.invokeExact(graph.context(), a.handle(), eps));
  }

  /** d rmsNorm(a) for the gradient {@code grad} of its result. */
  public Tensor rmsNormBack(Tensor grad, Tensor a, float eps) {
    requireSame("rmsNormBack", grad, a);
    return graph.node(() ->
        (MemorySegment) Ggml.RMS_NORM_BACK.invokeExact(graph.context(), grad.handle(), a.handle(), eps));
  }

  /** max(0, a) of each element. */
  public Tensor relu(Tensor a) {
    require(a.type() == TensorType.F32, "relu", a);
    return graph.unary(Ggml.RELU, a);
  }

  /** 1 where an element is above 0, else 0: relu's derivative. */
  public Tensor step(Tensor a) {
    require(a.type() == TensorType.F32, "step", a);
    return graph.unary(Ggml.STEP, a);
  }

  /** a · sigmoid(a). */
  public Tensor silu(Tensor a) {
    return graph.unary(Ggml.SILU, a);
  }

  /** d silu(a) for the gradient {@code grad} of its result. */
  public Tensor siluBack(Tensor grad, Tensor a) {
    requireSame("siluBack", grad, a);
    return graph.binary(Ggml.SILU_BACK, grad, a);
  }

  /** softmax over each row of scale · a + mask; mask [a.size(0), a.size(1), 1, a.size(3)] or null. */
  public Tensor softMax(Tensor a, Tensor mask, float scale) {
    if (mask != null) {
      require(
          mask.size(0) == a.size(0) && mask.size(1) >= a.size(1) && a.size(2) % mask.size(2) == 0
              && a.size(3) % mask.size(3) == 0,
          "softMax", a, mask);
    }
    MemorySegment m = mask == null ? MemorySegment.NULL : mask.handle();
    return graph.node(() -> (MemorySegment) Ggml.SOFT_MAX_EXT.invokeExact(graph.context(), a.handle(), m, scale, 0f));
  }

  /** d softMax for the gradient {@code grad} of its result {@code probabilities}. */
  public Tensor softMaxBack(Tensor grad, Tensor probabilities, float scale) {
    requireSame("softMaxBack", grad, probabilities);
    return graph.node(() ->
        (MemorySegment) Ggml.SOFT_MAX_EXT_BACK.invokeExact(graph.context(), grad.handle(), probabilities.handle(),
            scale, 0f));
  }

  /**
   * Rotary position embedding.
   *
   * @param a [head size, heads, tokens, groups]
   * @param positions I32 [tokens]
   * @param factors F32 [dimensions / 2] that divide the frequencies, or null
   * @param settings dimensions, pairing and frequencies
   */
  public Tensor rope(Tensor a, Tensor positions, Tensor factors, Rope settings) {
    return rope(Ggml.ROPE_EXT, "rope", a, positions, factors, settings);
  }

  /** d rope for the gradient {@code grad} of its result: the rotation backwards. */
  public Tensor ropeBack(Tensor grad, Tensor positions, Tensor factors, Rope settings) {
    return rope(Ggml.ROPE_EXT_BACK, "ropeBack", grad, positions, factors, settings);
  }

  private Tensor rope(MethodHandle handle, String what, Tensor a, Tensor positions, Tensor factors, Rope r) {
    require(
        positions.type() == TensorType.I32 && positions.elements() == a.size(2) && a.size(0) >= r.dimensions()
            && (factors == null || factors.elements() >= r.dimensions() / 2),
        what, a, positions);
    MemorySegment f = factors == null ? MemorySegment.NULL : factors.handle();
    return graph.node(() ->
        (MemorySegment) handle.invokeExact(graph.context(), a.handle(), positions.handle(), f, r.dimensions(),
            r.mode(), r.originalContext(), r.base(), r.scale(), r.extension(), r.attention(), r.betaFast(),
            r.betaSlow()));
  }
}
