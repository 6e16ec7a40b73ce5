package dev.sphere.bindings.tensor;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.sphere.bindings.device.DeviceMemory;
import dev.sphere.bindings.load.NativeCall;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * A tensor of up to four dimensions in a backend's memory, or a node of a graph that will compute one. Sizes stand in
 * ggml's order: the contiguous dimension first. Lives as long as the {@link TensorBuffer} or {@link Graph} that made
 * it.
 */
public final class Tensor {
  /** The owner of tensors: a {@link TensorBuffer} or a {@link Graph}. */
  interface Owner {
    /** Throws if the tensors are gone. */
    void requireOpen();
  }

  private final Owner owner;
  private final MemorySegment handle;
  private final TensorType type;
  private final long[] shape = new long[4];
  private final long[] strides = new long[4];

  Tensor(Owner owner, MemorySegment pointer) {
    if (pointer.address() == 0) {
      throw new IllegalStateException("ggml returned no tensor");
    }
    this.owner = owner;
    this.handle = pointer.reinterpret(Ggml.TENSOR_NB + 32);
    this.type = TensorType.of(handle.get(JAVA_INT, Ggml.TENSOR_TYPE));
    for (int i = 0; i < 4; i++) {
      shape[i] = handle.get(JAVA_LONG, Ggml.TENSOR_NE + 8 * i);
      strides[i] = handle.get(JAVA_LONG, Ggml.TENSOR_NB + 8 * i);
    }
  }

  public TensorType type() {
    return type;
  }

  /** Size of dimension {@code i} in 0..3. */
  public long size(int i) {
    return shape[i];
  }

  /** Distance in bytes between neighbours along dimension {@code i}. */
  public long stride(int i) {
    return strides[i];
  }

  /** The four sizes, contiguous dimension first; trailing ones are 1. */
  public long[] shape() {
    return shape.clone();
  }

  /** Number of elements. */
  public long elements() {
    return shape[0] * shape[1] * shape[2] * shape[3];
  }

  /** Number of rows, that is of runs along the contiguous dimension. */
  public long rows() {
    return shape[1] * shape[2] * shape[3];
  }

  /** Whether the elements lie without gaps in the order of their indices. */
  public boolean isContiguous() {
    long expected = type.bytes(type.blockSize());
    if (strides[0] != expected) {
      return false;
    }
    expected = type.bytes(shape[0]);
    for (int i = 1; i < 4; i++) {
      if (shape[i] != 1 && strides[i] != expected) {
        return false;
      }
      expected *= shape[i];
    }
    return true;
  }

  /** Copies all of {@code values} into this F32 tensor. */
  public void write(float[] values) {
    requireElements(values.length, TensorType.F32);
    DeviceMemory.copy(data(), MemorySegment.ofArray(values));
  }

  /** Copies all of {@code values} into this I32 tensor. */
  public void write(int[] values) {
    requireElements(values.length, TensorType.I32);
    DeviceMemory.copy(data(), MemorySegment.ofArray(values));
  }

  /** A copy of this contiguous F32 tensor's elements. */
  public float[] read() {
    float[] values = new float[Math.toIntExact(elements())];
    requireElements(values.length, TensorType.F32);
    DeviceMemory.copy(MemorySegment.ofArray(values), data());
    return values;
  }

  /** Fills a buffer with a tensor's bytes from a given byte of the tensor on. */
  @FunctionalInterface
  public interface Filler {
    void fill(ByteBuffer target, long from);
  }

  /** The bytes of a contiguous tensor of any type, a piece at a time. */
  public void load(Filler filler) {
    MemorySegment data = data();
    boolean device = DeviceMemory.owns(data);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment stage = device ? arena.allocate(Math.min(1 << 26, data.byteSize()), 64) : null;
      for (long done = 0; done < data.byteSize(); ) {
        long n = Math.min(1 << 26, data.byteSize() - done);
        filler.fill((device ? stage.asSlice(0, n) : data.asSlice(done, n)).asByteBuffer(), done);
        if (device) {
          DeviceMemory.copy(data.asSlice(done, n), stage);
        }
        done += n;
      }
    }
  }

  /** The elements of a contiguous F32 tensor in its backend's memory, in place. */
  public NativeFloats floats() {
    requireElements(elements(), TensorType.F32);
    return NativeFloats.view(data(), owner);
  }

  private void requireElements(long count, TensorType wanted) {
    if (type != wanted || count != elements() || !isContiguous()) {
      throw new IllegalArgumentException(
          "a contiguous " + wanted + " tensor of " + count + " elements is needed, but this one is " + this);
    }
  }

  /** The memory behind this tensor, a device's perhaps: to be touched through {@link DeviceMemory} alone. */
  private MemorySegment data() {
    MemorySegment data = Ggml.get(Ggml.GET_DATA, handle());
    if (data.address() == 0) {
      throw new IllegalStateException("the tensor " + this + " has no memory yet");
    }
    return data.reinterpret(type.bytes(shape[0]) * rows());
  }

  MemorySegment handle() {
    owner.requireOpen();
    return handle;
  }

  void name(String name) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment ignored = (MemorySegment) Ggml.SET_NAME.invokeExact(handle(), arena.allocateFrom(name));
    } catch (Throwable t) {
      throw NativeCall.failed(t);
    }
  }

  @Override
  public String toString() {
    return type + Arrays.toString(shape);
  }
}
