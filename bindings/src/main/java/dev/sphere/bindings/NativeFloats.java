package dev.sphere.bindings;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * An array of F32 in native memory that kernels read and write in place. Either owns its memory ({@link #allocate},
 * 64-byte aligned, zeroed) or views memory that something else owns. Not thread-safe; close is idempotent.
 */
public final class NativeFloats implements AutoCloseable {
  private final Arena arena;
  private MemorySegment segment;
  private final long size;

  private NativeFloats(Arena arena, MemorySegment segment, long size) {
    this.arena = arena;
    this.segment = segment;
    this.size = size;
  }

  /** A zeroed array of {@code size} floats. */
  public static NativeFloats allocate(long size) {
    Arena arena = Arena.ofShared();
    return new NativeFloats(arena, arena.allocate(Math.max(4, Math.multiplyExact(size, 4L)), 64), size);
  }

  /** A view of native memory that outlives it by the caller's promise. */
  static NativeFloats view(MemorySegment segment) {
    return new NativeFloats(null, segment, segment.byteSize() / 4);
  }

  /** Number of floats. */
  public long size() {
    return size;
  }

  /** The memory, for the bindings' own kernels. */
  MemorySegment segment() {
    if (segment == null) {
      throw new IllegalStateException("closed");
    }
    return segment;
  }

  public float get(long index) {
    return segment().getAtIndex(ValueLayout.JAVA_FLOAT, index);
  }

  public void set(long index, float value) {
    segment().setAtIndex(ValueLayout.JAVA_FLOAT, index, value);
  }

  /** Copies {@code target.length} floats out, from {@code from} on. */
  public void read(long from, float[] target) {
    MemorySegment.copy(segment(), ValueLayout.JAVA_FLOAT, from * 4, target, 0, target.length);
  }

  /** Copies all of {@code source} in, from {@code from} on. */
  public void write(long from, float[] source) {
    MemorySegment.copy(source, 0, segment(), ValueLayout.JAVA_FLOAT, from * 4, source.length);
  }

  @Override
  public void close() {
    if (segment != null) {
      segment = null;
      if (arena != null) {
        arena.close();
      }
    }
  }
}
