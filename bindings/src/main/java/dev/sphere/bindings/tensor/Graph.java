package dev.sphere.bindings.tensor;

import dev.sphere.bindings.device.DeviceMemory;
import dev.sphere.bindings.load.NativeCall;
import java.lang.foreign.MemorySegment;

/**
 * A computation under construction: each operation adds one node and returns the tensor that it will hold. First
 * describe (inputs, the operations of {@link TensorOps} and {@link TrainingKernels}, {@link #keep}), then {@link
 * #allocate}, write the inputs, {@link #compute}, read what was kept. Nodes that nothing needs any
 * longer share their memory with later ones, so only kept tensors can be read.
 *
 * <p>Not thread-safe; one graph of a backend is in use at a time, between allocate and the last read. Closing twice is
 * harmless.
 */
public final class Graph extends TensorOps implements AutoCloseable, Tensor.Owner {
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
      throw NativeCall.failed(t);
    }
  }

  /** The backend that will compute this graph. */
  public Backend backend() {
    return backend;
  }

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
      throw NativeCall.failed(t);
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
      throw NativeCall.failed(t);
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
      throw NativeCall.failed(t);
    }
  }

  /** Number of nodes asked for so far: a point at which {@link #compute(int, int)} can pause. */
  public int mark() {
    return NativeCall.of(() -> (int) Ggml.GRAPH_NODES.invokeExact(graph()));
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
      throw NativeCall.failed(t);
    } finally {
      Ggml.call(Ggml.FREE, part);
    }
  }

  @Override
  void reserve() {
    requireOpen();
    if (count == capacity) {
      throw new IllegalStateException("the graph is full: it was made for " + capacity + " tensors");
    }
    count++;
  }

  @Override
  Tensor made(MemorySegment pointer) {
    return new Tensor(this, pointer);
  }

  @Override
  MemorySegment context() {
    requireOpen();
    return context;
  }

  private MemorySegment graph() {
    requireOpen();
    return graph;
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
