package dev.sphere.bindings;

import java.lang.foreign.MemorySegment;

/** What libsphere last said on this thread. */
final class SphereErrors {
  private SphereErrors() {}

  static String last() {
    try {
      MemorySegment text = (MemorySegment) Llama.LAST_ERROR.invokeExact();
      return text.address() == 0 ? "unknown error" : text.getString(0);
    } catch (Throwable t) {
      throw Ggml.failed(t);
    }
  }
}
