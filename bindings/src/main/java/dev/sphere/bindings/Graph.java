package dev.sphere.bindings;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;

/**
 * A computation under construction: each method adds one node and returns the tensor that it will hold. First describe
 * (inputs, operations, {@link #keep}), then {@link #allocate}, write the inputs, {@link #compute}, read what was kept.
 * Nodes that nothing needs any longer share their memory with later ones, so only kept tensors can be read.
 *
 * <p>The methods check shapes, since ggml ends the process on a mismatch. Not thread-safe; one graph of a backend is
 * in use at a time, between allocate and the last read. Closing twice is harmless.
 */
public final class Graph implements AutoCloseable, Tensor.Owner {
  private final Backend backend;
  private final int capacity;
  private int count;
  private MemorySegment context;
  private final MemorySegment graph;

  /**
   * An empty graph.
   *
   * @param backend that will compute it
   * @param capacity the most tensors that it will describe
   */
  public Graph(Backend backend, int capacity) {
    this.backend = backend;
    this.capacity = capacity;
    long bytes = Math.multiplyExact(capacity + 1L, Ggml.tensorOverhead()) + Ggml.graphOverhead(capacity);
    this.context = Ggml.newContext(bytes);
    try {
      this.graph = (MemorySegment) Ggml.NEW_GRAPH.invokeExact(context, (long) capacity, false);
    } catch (Throwable t) {
      throw Ggml.failed(t);
    }
  }

  /** The backend that will compute this graph. */
  public Backend backend() {
    return backend;
  }

  // ---- inputs and results ----

  /** A tensor whose elements are written between {@link #allocate} and {@link #compute}. */
  public Tensor input(TensorType type, long... shape) {
    reserve();
    Tensor tensor = TensorBuffer.newTensor(this, context, type, shape);
    Ggml.call(Ggml.SET_INPUT, tensor.handle());
    return tensor;
  }

  /** Makes sure that the tensor is computed, after everything that was asked for before. */
  public Tensor compute(Tensor tensor) {
    try {
      Ggml.EXPAND.invokeExact(graph(), tensor.handle());
    } catch (Throwable t) {
      throw Ggml.failed(t);
    }
    return tensor;
  }

  /** Computes the tensor and keeps its memory, so that it can be read after {@link #compute()}. */
  public Tensor keep(Tensor tensor) {
    Ggml.call(Ggml.SET_OUTPUT, tensor.handle());
    return compute(tensor);
  }

  /** Takes the memory of all nodes from the backend's scratch space. */
  public void allocate() {
    try {
      if (!(boolean) Ggml.GALLOCR_ALLOC.invokeExact(backend.allocator(), graph())) {
        throw new IllegalStateException("no memory for a graph of " + count + " tensors");
      }
    } catch (Throwable t) {
      throw Ggml.failed(t);
    }
  }

  /** Computes all nodes, in the order in which they were asked for. */
  public void compute() {
    run(graph());
  }

  private void run(MemorySegment nodes) {
    try {
      int status = (int) Ggml.GRAPH_COMPUTE.invokeExact(backend.handle(), nodes);
      DeviceMemory.check(status, "Computing a graph of " + count + " tensors");
    } catch (Throwable t) {
      throw Ggml.failed(t);
    }
  }

  /** Number of nodes asked for so far: a point at which {@link #compute(int, int)} can pause. */
  public int mark() {
    try {
      return (int) Ggml.GRAPH_NODES.invokeExact(graph());
    } catch (Throwable t) {
      throw Ggml.failed(t);
    }
  }

  /**
   * Computes the nodes between two marks alone, so that the caller can read what was kept and write more inputs in
   * between. From 0 to the last mark in order, each once, is the same as {@link #compute()}.
   */
  public void compute(int from, int to) {
    MemorySegment part = Ggml.newContext(Ggml.graphOverhead(Math.max(1, to - from)) + Ggml.tensorOverhead());
    try {
      MemorySegment nodes = (MemorySegment) Ggml.NEW_GRAPH.invokeExact(part, (long) Math.max(1, to - from), false);
      for (int i = from; i < to; i++) {
        Ggml.GRAPH_ADD_NODE.invokeExact(nodes, (MemorySegment) Ggml.GRAPH_NODE.invokeExact(graph(), i));
      }
      run(nodes);
    } catch (Throwable t) {
      throw Ggml.failed(t);
    } finally {
      Ggml.call(Ggml.FREE, part);
    }
  }

  // ---- products and sums ----

  /**
   * Matrix product over the contiguous dimension: a [k, m, p, q], b [k, n, P, Q] gives [m, n, P, Q] in F32, where p and
   * q divide P and Q (each matrix of a serves P/p neighbouring ones of b).
   */
  public Tensor mulMat(Tensor a, Tensor b) {
    require(
        a.size(0) == b.size(0) && b.size(2) % a.size(2) == 0 && b.size(3) % a.size(3) == 0 && b.type() == TensorType.F32,
        "mulMat", a, b);
    require(a.stride(0) == a.type().bytes(a.type().blockSize()) && a.stride(1) >= a.stride(0), "mulMat", a, b);
    return binary(Ggml.MUL_MAT, a, b);
  }

  /** a + b, where b is repeated to a's shape if need be. */
  public Tensor add(Tensor a, Tensor b) {
    requireRepeats("add", b, a);
    return binary(Ggml.ADD, a, b);
  }

  /** a += b in a's memory, where b is repeated to a's shape if need be. */
  public Tensor addInPlace(Tensor a, Tensor b) {
    requireRepeats("addInPlace", b, a);
    return binary(Ggml.ADD_INPLACE, a, b);
  }

  /** a - b, where b is repeated to a's shape if need be. */
  public Tensor sub(Tensor a, Tensor b) {
    requireRepeats("sub", b, a);
    return binary(Ggml.SUB, a, b);
  }

  /** a ⊙ b, where b is repeated to a's shape if need be. */
  public Tensor mul(Tensor a, Tensor b) {
    requireRepeats("mul", b, a);
    return binary(Ggml.MUL, a, b);
  }

  /** a / b, element by element, where b is repeated to a's shape if need be. */
  public Tensor div(Tensor a, Tensor b) {
    requireRepeats("div", b, a);
    return binary(Ggml.DIV, a, b);
  }

  /** factor · a. */
  public Tensor scale(Tensor a, float factor) {
    require(a.type() == TensorType.F32, "scale", a);
    reserve();
    try {
      return made((MemorySegment) Ggml.SCALE.invokeExact(context(), a.handle(), factor));
    } catch (Throwable t) {
      throw Ggml.failed(t);
    }
  }

  /** Natural logarithm of each element. */
  public Tensor log(Tensor a) {
    require(a.type() == TensorType.F32, "log", a);
    return unary(Ggml.LOG, a);
  }

  /** Square root of each element. */
  public Tensor sqrt(Tensor a) {
    require(a.type() == TensorType.F32, "sqrt", a);
    return unary(Ggml.SQRT, a);
  }

  /** a summed over all of its repetitions of {@code like}'s shape: the adjoint of repeating. */
  public Tensor repeatBack(Tensor a, Tensor like) {
    requireRepeats("repeatBack", like, a);
    return binary(Ggml.REPEAT_BACK, a, like);
  }

  /** The sum of each row: [n, m, ...] to [1, m, ...]. */
  public Tensor sumRows(Tensor a) {
    require(a.type() == TensorType.F32, "sumRows", a);
    return unary(Ggml.SUM_ROWS, a);
  }

  /** a repeated to {@code like}'s shape. */
  public Tensor repeat(Tensor a, Tensor like) {
    requireRepeats("repeat", a, like);
    return binary(Ggml.REPEAT, a, like);
  }

  // ---- layout ----

  /** A contiguous copy. */
  public Tensor cont(Tensor a) {
    return unary(Ggml.CONT, a);
  }

  /** a's elements converted to another type. */
  public Tensor cast(Tensor a, TensorType type) {
    reserve();
    try {
      return made((MemorySegment) Ggml.CAST.invokeExact(context(), a.handle(), type.id()));
    } catch (Throwable t) {
      throw Ggml.failed(t);
    }
  }

  /**
   * A matrix [k, n] of any type as F32: all of its rows by number, n at most 2^24. {@link #cast} reads K-quants on the
   * CPU's backend alone.
   */
  public Tensor dequantize(Tensor a) {
    require(a.size(1) <= 1 << 24, "dequantize", a);
    reserve();
    Tensor numbers;
    try {
      numbers = made((MemorySegment) Ggml.ARANGE.invokeExact(context(), 0f, (float) a.size(1), 1f));
    } catch (Throwable t) {
      throw Ggml.failed(t);
    }
    return getRows(a, cast(numbers, TensorType.I32));
  }

  /** Copies a's elements into {@code target}'s memory (same number of elements) and returns it as a node. */
  public Tensor copy(Tensor a, Tensor target) {
    require(a.elements() == target.elements(), "copy", a, target);
    return binary(Ggml.CPY, a, target);
  }

  /** The view with the first two dimensions swapped. */
  public Tensor transpose(Tensor a) {
    return unary(Ggml.TRANSPOSE, a);
  }

  /** The view in which dimension i of a becomes dimension {@code axes[i]}. */
  public Tensor permute(Tensor a, int... axes) {
    int[] sorted = axes.clone();
    Arrays.sort(sorted);
    if (!Arrays.equals(sorted, new int[] {0, 1, 2, 3})) {
      throw new IllegalArgumentException("no permutation of 0, 1, 2, 3: " + Arrays.toString(axes));
    }
    reserve();
    try {
      return made(
          (MemorySegment) Ggml.PERMUTE.invokeExact(context(), a.handle(), axes[0], axes[1], axes[2], axes[3]));
    } catch (Throwable t) {
      throw Ggml.failed(t);
    }
  }

  /** The same elements of a contiguous tensor under another shape. */
  public Tensor reshape(Tensor a, long... shape) {
    long[] ne = {1, 1, 1, 1};
    System.arraycopy(shape, 0, ne, 0, shape.length);
    if (!a.isContiguous() || ne[0] * ne[1] * ne[2] * ne[3] != a.elements()) {
      throw new IllegalArgumentException("reshape of " + a + " to " + Arrays.toString(shape));
    }
    reserve();
    try {
      return made((MemorySegment) Ggml.RESHAPE.invokeExact(context(), a.handle(), ne[0], ne[1], ne[2], ne[3]));
    } catch (Throwable t) {
      throw Ggml.failed(t);
    }
  }

  /** Contiguous elements {@code from .. from + product(shape)} of a contiguous tensor, as a view of the given shape. */
  public Tensor slice(Tensor a, long from, long... shape) {
    long[] ne = {1, 1, 1, 1};
    System.arraycopy(shape, 0, ne, 0, shape.length);
    long length = ne[0] * ne[1] * ne[2] * ne[3];
    if (!a.isContiguous() || from < 0 || from + length > a.elements()) {
      throw new IllegalArgumentException("slice of " + length + " elements from " + from + " of " + a);
    }
    long nb1 = a.type().bytes(ne[0]);
    long offset = a.type().bytes(from);
    reserve();
    try {
      return made(
          (MemorySegment)
              Ggml.VIEW.invokeExact(
                  context(), a.handle(), ne[0], ne[1], ne[2], ne[3], nb1, nb1 * ne[1], nb1 * ne[1] * ne[2], offset));
    } catch (Throwable t) {
      throw Ggml.failed(t);
    }
  }

  // ---- rows ----

  /** Rows {@code rows[i]} (I32 vector) of a [k, n], as F32 [k, count]. Indices must lie in 0..n-1. */
  public Tensor getRows(Tensor a, Tensor rows) {
    require(rows.type() == TensorType.I32 && rows.rows() == 1 && a.size(2) == 1 && a.size(3) == 1, "getRows", a, rows);
    return binary(Ggml.GET_ROWS, a, rows);
  }

  /** The adjoint of {@link #getRows}: row i of {@code grad} added to row {@code rows[i]} of zeros shaped like table. */
  public Tensor getRowsBack(Tensor grad, Tensor rows, Tensor table) {
    require(grad.size(0) == table.size(0) && grad.rows() == rows.elements(), "getRowsBack", grad, rows, table);
    return ternary(Ggml.GET_ROWS_BACK, grad, rows, table);
  }

  // ---- what transformers are made of ----

  /** Each row divided by the root of (its mean square + eps). */
  public Tensor rmsNorm(Tensor a, float eps) {
    reserve();
    try {
      return made((MemorySegment) Ggml.RMS_NORM.invokeExact(context(), a.handle(), eps));
    } catch (Throwable t) {
      throw Ggml.failed(t);
    }
  }

  /** d rmsNorm(a) for the gradient {@code grad} of its result. */
  public Tensor rmsNormBack(Tensor grad, Tensor a, float eps) {
    requireSame("rmsNormBack", grad, a);
    reserve();
    try {
      return made((MemorySegment) Ggml.RMS_NORM_BACK.invokeExact(context(), grad.handle(), a.handle(), eps));
    } catch (Throwable t) {
      throw Ggml.failed(t);
    }
  }

  /** max(0, a) of each element. */
  public Tensor relu(Tensor a) {
    require(a.type() == TensorType.F32, "relu", a);
    return unary(Ggml.RELU, a);
  }

  /** 1 where an element is above 0, else 0: relu's derivative. */
  public Tensor step(Tensor a) {
    require(a.type() == TensorType.F32, "step", a);
    return unary(Ggml.STEP, a);
  }

  /** a · sigmoid(a). */
  public Tensor silu(Tensor a) {
    return unary(Ggml.SILU, a);
  }

  /** d silu(a) for the gradient {@code grad} of its result. */
  public Tensor siluBack(Tensor grad, Tensor a) {
    requireSame("siluBack", grad, a);
    return binary(Ggml.SILU_BACK, grad, a);
  }

  /** silu(gate) ⊙ up. */
  public Tensor swiglu(Tensor gate, Tensor up) {
    requireSame("swiglu", gate, up);
    return binary(Ggml.SWIGLU_SPLIT, gate, up);
  }

  /** softmax over each row of scale · a + mask; mask [a.size(0), a.size(1), 1, a.size(3)] or null. */
  public Tensor softMax(Tensor a, Tensor mask, float scale) {
    if (mask != null) {
      require(
          mask.size(0) == a.size(0) && mask.size(1) >= a.size(1) && a.size(2) % mask.size(2) == 0
              && a.size(3) % mask.size(3) == 0,
          "softMax", a, mask);
    }
    reserve();
    MemorySegment m = mask == null ? MemorySegment.NULL : mask.handle();
    try {
      return made((MemorySegment) Ggml.SOFT_MAX_EXT.invokeExact(context(), a.handle(), m, scale, 0f));
    } catch (Throwable t) {
      throw Ggml.failed(t);
    }
  }

  /** d softMax for the gradient {@code grad} of its result {@code probabilities}. */
  public Tensor softMaxBack(Tensor grad, Tensor probabilities, float scale) {
    requireSame("softMaxBack", grad, probabilities);
    reserve();
    try {
      return made(
          (MemorySegment)
              Ggml.SOFT_MAX_EXT_BACK.invokeExact(context(), grad.handle(), probabilities.handle(), scale, 0f));
    } catch (Throwable t) {
      throw Ggml.failed(t);
    }
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
    reserve();
    MemorySegment f = factors == null ? MemorySegment.NULL : factors.handle();
    try {
      return made(
          (MemorySegment)
              handle.invokeExact(
                  context(), a.handle(), positions.handle(), f, r.dimensions(), r.mode(), r.originalContext(),
                  r.base(), r.scale(), r.extension(), r.attention(), r.betaFast(), r.betaSlow()));
    } catch (Throwable t) {
      throw Ggml.failed(t);
    }
  }

  // ---- plumbing ----

  Tensor unary(MethodHandle handle, Tensor a) {
    reserve();
    try {
      return made((MemorySegment) handle.invokeExact(context(), a.handle()));
    } catch (Throwable t) {
      throw Ggml.failed(t);
    }
  }

  Tensor binary(MethodHandle handle, Tensor a, Tensor b) {
    reserve();
    try {
      return made((MemorySegment) handle.invokeExact(context(), a.handle(), b.handle()));
    } catch (Throwable t) {
      throw Ggml.failed(t);
    }
  }

  Tensor ternary(MethodHandle handle, Tensor a, Tensor b, Tensor c) {
    reserve();
    try {
      return made((MemorySegment) handle.invokeExact(context(), a.handle(), b.handle(), c.handle()));
    } catch (Throwable t) {
      throw Ggml.failed(t);
    }
  }

  /** Counts one more tensor; ggml ends the process when its context is full, so this says so first. */
  void reserve() {
    requireOpen();
    if (count == capacity) {
      throw new IllegalStateException("the graph is full: it was made for " + capacity + " tensors");
    }
    count++;
  }

  Tensor made(MemorySegment pointer) {
    return new Tensor(this, pointer);
  }

  MemorySegment context() {
    requireOpen();
    return context;
  }

  private MemorySegment graph() {
    requireOpen();
    return graph;
  }

  /** Throws an IllegalArgumentException that names the operation and its tensors, unless the condition holds. */
  public static void require(boolean condition, String what, Tensor... tensors) {
    if (!condition) {
      throw new IllegalArgumentException(what + " cannot take these tensors: " + Arrays.toString(tensors));
    }
  }

  private static void requireSame(String what, Tensor a, Tensor b) {
    require(
        Arrays.equals(a.shape(), b.shape()) && a.type() == TensorType.F32 && b.type() == TensorType.F32, what, a, b);
  }

  private static void requireRepeats(String what, Tensor small, Tensor large) {
    boolean repeats = small.type() == TensorType.F32 && large.type() == TensorType.F32;
    for (int i = 0; i < 4; i++) {
      repeats &= large.size(i) % small.size(i) == 0;
    }
    require(repeats, what, large, small);
  }

  @Override
  public void requireOpen() {
    if (context == null) {
      throw new IllegalStateException("the graph is closed");
    }
  }

  @Override
  public void close() {
    if (context != null) {
      Ggml.call(Ggml.FREE, context);
      context = null;
    }
  }
}
