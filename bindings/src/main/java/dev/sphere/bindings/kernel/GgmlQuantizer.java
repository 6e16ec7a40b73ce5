package dev.sphere.bindings.kernel;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.sphere.bindings.load.NativeCall;
import dev.sphere.bindings.load.NativeLibraries;
import dev.sphere.gguf.GgmlType;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.ByteBuffer;
import java.util.stream.IntStream;

/** ggml's own quantisation into blocks, without an importance matrix: what llama-quantize writes. */
public final class GgmlQuantizer {
  /** (type, source, target, start, rows, columns, importance): bytes written. */
  private static final MethodHandle QUANTIZE = NativeLibraries.downcall("ggml_quantize_chunk",
      FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS));

  /** Elements that one thread takes at a time; a whole number of every type's blocks. */
  private static final int PIECE = 1 << 14;

  private GgmlQuantizer() {}

  /**
   * Quantises {@code count} elements (whole blocks) of {@code values} from {@code from} on. A block depends on its own
   * elements alone.
   *
   * @param type a quantised type that needs no importance matrix: Q4_0 to Q6_K, IQ4_NL
   * @return the blocks
   */
  public static ByteBuffer quantize(GgmlType type, float[] values, int from, int count) {
    byte[] blocks = new byte[Math.toIntExact(type.bytes(count))];
    try (Arena arena = Arena.ofShared()) {
      MemorySegment source = arena.allocate((long) count * Float.BYTES, Float.BYTES);
      MemorySegment target = arena.allocate(blocks.length, Long.BYTES);
      MemorySegment.copy(values, from, source, JAVA_FLOAT, 0, count);
      IntStream.range(0, Math.ceilDiv(count, PIECE)).parallel().forEach(i -> {
        long at = (long) i * PIECE;
        long n = Math.min(PIECE, count - at);
        quantize(type, source.asSlice(at * Float.BYTES), target.asSlice(type.bytes(at)), n);
      });
      MemorySegment.copy(target, JAVA_BYTE, 0, blocks, 0, blocks.length);
    }
    return ByteBuffer.wrap(blocks);
  }

  private static void quantize(GgmlType type, MemorySegment source, MemorySegment target, long count) {
    long written = NativeCall.of(() ->
        (long) QUANTIZE.invokeExact(type.id(), source, target, 0L, 1L, count, MemorySegment.NULL));
    if (written != type.bytes(count)) {
      throw new IllegalStateException("ggml wrote " + written + " bytes for " + count + " elements of " + type.label());
    }
  }
}
