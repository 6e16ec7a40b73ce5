package dev.sphere.bindings.load;

import static java.lang.foreign.ValueLayout.ADDRESS;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** What a call of native code ends in when it fails. */
public final class NativeCall {
  private static final MethodHandle LAST_ERROR = NativeLibraries.downcall("sphere_last_error", FunctionDescriptor.of(
      ADDRESS.withTargetLayout(MemoryLayout.sequenceLayout(Long.MAX_VALUE, ValueLayout.JAVA_BYTE))));

  private NativeCall() {}

  /** What a downcall threw: our own exceptions as they are, anything else can only be a defect of the bindings. */
  public static RuntimeException failed(Throwable e) {
    if (e instanceof RuntimeException r) {
      return r;
    }
    if (e instanceof Error error) {
      throw error;
    }
    return new IllegalStateException("a native call failed: " + e, e);
  }

  /** What libsphere says about its last failure on this thread. */
  public static String lastError() {
    try {
      MemorySegment text = (MemorySegment) LAST_ERROR.invokeExact();
      return text.address() == 0 ? "unknown error" : text.getString(0);
    } catch (Throwable e) {
      throw failed(e);
    }
  }
}
