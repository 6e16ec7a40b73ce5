package dev.sphere.bindings.tensor;

import dev.sphere.bindings.load.NativeCall;
import java.lang.foreign.MemorySegment;

/**
 * Tensors that stay: weights, gradients, checkpoints. First describe them all, then {@link #allocate}, then use them.
 *
 * <p>Not thread-safe. Closing frees the memory; closing twice is harmless.
 */
public final class TensorBuffer implements AutoCloseable, Tensor.Owner {
  private final Backend backend;
  private final int capacity;
  private int count;
  private long bytes;
  private MemorySegment context;
  private MemorySegment buffer;

  /**
   * An empty buffer.
   *
   * @param backend whose memory the tensors take
   * @param capacity the most tensors that it will hold
   */
  public TensorBuffer(Backend backend, int capacity) {
    this.backend = backend;
    this.capacity = capacity;
    this.context = Ggml.newContext((capacity + 1L) * Ggml.tensorOverhead());
  }

  /** Describes a tensor of one to four dimensions. */
  public Tensor add(TensorType type, String name, long... shape) {
    requireOpen();
    if (buffer != null || count == capacity) {
      throw new IllegalStateException("no room for tensor " + name + ": " + count + " of " + capacity + " described");
    }
    count++;
    Tensor tensor = newTensor(this, context, type, shape);
    tensor.name(name);
    bytes += type.bytes(tensor.size(0)) * tensor.rows();
    return tensor;
  }

  /** Takes the memory of all tensors described, zeroed. */
  public TensorBuffer allocate() {
    requireOpen();
    if (count == 0) {
      return this;
    }
    try {
      MemorySegment taken = (MemorySegment) Ggml.ALLOC_TENSORS.invokeExact(context, backend.handle());
      if (taken.address() == 0) {
        throw new IllegalStateException("no memory for " + bytes + " bytes of tensors");
      }
      buffer = taken;
      Ggml.BUFFER_CLEAR.invokeExact(buffer, (byte) 0);
    } catch (Throwable t) {
      throw NativeCall.failed(t);
    }
    return this;
  }

  /** Bytes of all tensors described. */
  public long bytes() {
    return bytes;
  }

  static Tensor newTensor(Tensor.Owner owner, MemorySegment context, TensorType type, long... shape) {
    long[] ne = {1, 1, 1, 1};
    for (int i = 0; i < shape.length; i++) {
      if (shape[i] < 1) {
        throw new IllegalArgumentException("a tensor's size must be at least 1, not " + shape[i]);
      }
      ne[i] = shape[i];
    }
    type.bytes(ne[0]);
    return NativeCall.of(() ->
        new Tensor(owner, (MemorySegment) Ggml.NEW_TENSOR.invokeExact(context, type.id(), ne[0], ne[1], ne[2], ne[3])));
  }

  @Override
  public void requireOpen() {
    if (context == null) {
      throw new IllegalStateException("the tensors' memory has been freed");
    }
  }

  @Override
  public void close() {
    if (context != null) {
      if (buffer != null) {
        Ggml.call(Ggml.BUFFER_FREE, buffer);
        buffer = null;
      }
      Ggml.call(Ggml.FREE, context);
      context = null;
    }
  }
}
