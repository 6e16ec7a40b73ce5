package dev.sphere.bindings.tensor;

import dev.sphere.bindings.device.DeviceMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * An array of F32 in native memory, the host's or a device's, that kernels read and write in place. Either owns its
 * memory ({@link #allocate}, 64-byte aligned, zeroed; {@link #allocateBeside}) or views memory that something else
 * owns, which closes the view when it takes the memory back: using it then throws {@link IllegalStateException}. Single
 * elements of a device's array are copied one by one: use the methods for whole arrays. Not thread-safe; close is
 * idempotent.
 */
public final class NativeFloats implements AutoCloseable {
  private final Arena arena; // null for a view, and for the device's memory
  private MemorySegment segment;
  private final long size;
  private final boolean device;
  private final boolean ownsDevice;
  private final Tensor.Owner owner; // of a tensor's memory, else null

  private NativeFloats(Arena arena, MemorySegment segment, long size, boolean ownsDevice) {
    this(arena, segment, size, ownsDevice, null);
  }

  private NativeFloats(Arena arena, MemorySegment segment, long size, boolean ownsDevice, Tensor.Owner owner) {
    this.arena = arena;
    this.owner = owner;
    this.segment = segment;
    this.size = size;
    this.device = DeviceMemory.owns(segment);
    this.ownsDevice = ownsDevice;
  }

  /** A zeroed array of {@code size} floats. */
  public static NativeFloats allocate(long size) {
    Arena arena = Arena.ofShared();
    return new NativeFloats(arena, arena.allocate(Math.max(4, Math.multiplyExact(size, 4L)), 64), size, false);
  }

  /** A zeroed array of {@code size} floats in the memory that this array is in: what goes into a kernel with it. */
  public NativeFloats allocateBeside(long size) {
    return device && segment().byteSize() > 0
        ? new NativeFloats(null, DeviceMemory.allocate(Math.max(4, Math.multiplyExact(size, 4L))), size, true)
        : allocate(size);
  }

  /** A view of native memory: its owner closes the view before the memory is freed or becomes something else. */
  public static NativeFloats view(MemorySegment segment) {
    return new NativeFloats(null, segment, segment.byteSize() / 4, false);
  }

  /** A view of a tensor's memory, for as long as what owns it is open. */
  static NativeFloats view(MemorySegment segment, Tensor.Owner owner) {
    return new NativeFloats(null, segment, segment.byteSize() / 4, false, owner);
  }

  /** Whether nobody has closed it. */
  public boolean open() {
    return segment != null;
  }

  /** Number of floats. */
  public long size() {
    return size;
  }

  /** The memory, for the bindings' own kernels. */
  public MemorySegment segment() {
    if (segment == null) {
      throw new IllegalStateException("this array is closed"
          + (arena == null ? ": what it showed was overwritten by a later decode, or freed. Read it before that" : ""));
    }
    if (owner != null) {
      owner.requireOpen();
    }
    return segment;
  }

  public float get(long index) {
    if (!device) {
      return segment().getAtIndex(ValueLayout.JAVA_FLOAT, index);
    }
    float[] one = new float[1];
    read(index, one);
    return one[0];
  }

  public void set(long index, float value) {
    if (device) {
      write(index, new float[] {value});
    } else {
      segment().setAtIndex(ValueLayout.JAVA_FLOAT, index, value);
    }
  }

  /** Copies {@code target.length} floats out, from {@code from} on. */
  public void read(long from, float[] target) {
    read(from, target, target.length);
  }

  /** Copies {@code count} floats out, from {@code from} on, to the beginning of {@code target}. */
  public void read(long from, float[] target, int count) {
    DeviceMemory.copy(MemorySegment.ofArray(target).asSlice(0, count * 4L), part(from, count));
  }

  /** Copies all of {@code source} in, from {@code from} on. */
  public void write(long from, float[] source) {
    write(from, source, source.length);
  }

  /** Copies the first {@code count} of {@code source} in, from {@code from} on. */
  public void write(long from, float[] source, int count) {
    DeviceMemory.copy(part(from, count), MemorySegment.ofArray(source).asSlice(0, count * 4L));
  }

  /**
   * Copies {@code count} floats of {@code source}, from {@code start} on, to {@code to} on. Both are in the host's
   * memory.
   */
  public void copy(long to, NativeFloats source, long start, int count) {
    MemorySegment.copy(source.segment(), start * 4, segment(), to * 4, count * 4L);
  }

  private MemorySegment part(long from, int length) {
    return segment().asSlice(from * 4, length * 4L);
  }

  @Override
  public void close() {
    if (segment != null) {
      MemorySegment memory = segment;
      segment = null;
      if (arena != null) {
        arena.close();
      } else if (ownsDevice) {
        DeviceMemory.free(memory);
      }
    }
  }
}
