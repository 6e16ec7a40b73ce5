package dev.sphere.bindings.kernel;

import static java.lang.foreign.FunctionDescriptor.of;
import static java.lang.foreign.FunctionDescriptor.ofVoid;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.sphere.bindings.load.LlamaException;
import dev.sphere.bindings.load.NativeCall;
import dev.sphere.bindings.load.NativeLibraries;
import dev.sphere.bindings.tensor.NativeFloats;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** An empty call, a copy and a walk over memory, against which benchmarks measure. */
public final class BenchKernels {
  private static final MethodHandle NOTHING = NativeLibraries.downcall("sphere_bench_nothing", ofVoid());
  private static final MethodHandle COPY =
      NativeLibraries.downcall("sphere_bench_copy", of(JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG, JAVA_INT));
  private static final MethodHandle READ =
      NativeLibraries.downcall("sphere_bench_read", of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT, ADDRESS));

  private BenchKernels() {}

  /** Calls an empty C function once. */
  public static void nothing() {
    try {
      NOTHING.invokeExact();
    } catch (Throwable e) {
      throw NativeCall.failed(e);
    }
  }

  /** Copies {@code from} to {@code to}, of the same size. */
  public static void copy(NativeFloats to, NativeFloats from, int threads) {
    if (to.size() < from.size()) {
      throw new IllegalArgumentException("to holds " + to.size() + " floats, from " + from.size());
    }
    try {
      require((int) COPY.invokeExact(to.segment(), from.segment(), from.size(), threads));
    } catch (Throwable e) {
      throw NativeCall.failed(e);
    }
  }

  /** The largest number of an array, by the cheapest possible walk over it. */
  public static float largest(NativeFloats from, int threads) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment largest = arena.allocate(ValueLayout.JAVA_FLOAT);
      require((int) READ.invokeExact(from.segment(), from.size(), threads, largest));
      return largest.get(ValueLayout.JAVA_FLOAT, 0);
    } catch (Throwable e) {
      throw NativeCall.failed(e);
    }
  }

  private static void require(int status) {
    if (status != 0) {
      throw new LlamaException("A benchmark's kernel failed: " + NativeCall.lastError() + ".");
    }
  }
}
