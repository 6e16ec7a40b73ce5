package dev.sphere.bindings.load;

import static java.lang.foreign.ValueLayout.ADDRESS;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** Calls of native functions, whose method handles throw anything, and the failures that they end in. */
public final class NativeCall {
  /** A call with a result. */
  @FunctionalInterface
  public interface Call<T> {
    T call() throws Throwable;
  }

  /** A call without a result. */
  @FunctionalInterface
  public interface Run {
    void run() throws Throwable;
  }

  private static final MethodHandle LAST_ERROR = NativeLibraries.downcall("sphere_last_error", FunctionDescriptor.of(
      ADDRESS.withTargetLayout(MemoryLayout.sequenceLayout(Long.MAX_VALUE, ValueLayout.JAVA_BYTE))));

  private NativeCall() {}

  /**
   * Makes a call; a failure is thrown as {@link #failed} gives it. Not for the step of a decode loop, which must
   * allocate nothing: the lambda and its result are objects.
   */
  public static <T> T of(Call<T> call) {
    try {
      return call.call();
    } catch (Throwable e) {
      throw failed(e);
    }
  }

  /** Makes a call without a result; otherwise as {@link #of}. */
  public static void run(Run call) {
    try {
      call.run();
    } catch (Throwable e) {
      throw failed(e);
    }
  }

  /** The exception for what a downcall threw: ours as they are; anything else is a defect of the bindings. */
  public static RuntimeException failed(Throwable e) {
    if (e instanceof RuntimeException r) {
      return r;
    }
    if (e instanceof Error error) {
      throw error;
    }
    return new IllegalStateException("a native call failed: " + e, e);
  }

  /** libsphere's message about its last failure on this thread. */
  public static String lastError() {
    MemorySegment text = of(() -> (MemorySegment) LAST_ERROR.invokeExact());
    return text.address() == 0 ? "unknown error" : text.getString(0);
  }
}
