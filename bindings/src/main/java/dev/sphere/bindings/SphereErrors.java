package dev.sphere.bindings;

import static java.lang.foreign.ValueLayout.ADDRESS;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** What libsphere last said on this thread. */
final class SphereErrors {
  private static final MethodHandle LAST = NativeLibraries.downcall("sphere_last_error", FunctionDescriptor.of(ADDRESS));

  private SphereErrors() {}

  static String last() {
    try {
      MemorySegment text = (MemorySegment) LAST.invokeExact();
      return text.address() == 0 ? "unknown error" : text.reinterpret(4096).getString(0);
    } catch (Throwable t) {
      throw Ggml.failed(t);
    }
  }
}
