package dev.sphere.bindings.kernel;

import static java.lang.foreign.FunctionDescriptor.of;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.sphere.bindings.load.NativeCall;
import dev.sphere.bindings.load.NativeLibraries;
import java.lang.invoke.MethodHandle;

/**
 * What products with weights round the rows of activations to, in rollouts, scoring and evaluation on the CPU; one for the
 * whole process. It is set before a model is opened.
 *
 * <p>Blocks of 8 bits are fast and coarse: when anything before them moves a little, a number falls to the other side, so
 * that the difference between a model with an adapter and the same without is mostly rounding (docs/explanation/exactness.md).
 */
public enum Activations {
  /** BF16 (8 bits of mantissa) with weights in BF16 or quantised; F16 and F32 weights have activations of their own type. */
  BF16,
  /** Blocks of 8 bits that share a scale, where weights are quantised and no K-quants: what ggml does. */
  INT8,
  /** F32 throughout, with weights of every type. */
  F32;

  private static final MethodHandle SET = NativeLibraries.downcall("sphere_activations", of(JAVA_INT, JAVA_INT));

  /** What holds now; {@link #BF16} until something else is {@linkplain #use told}. */
  public static Activations current() {
    return values()[set(-1)];
  }

  /** Has this process use these; not while a model is open. */
  public void use() {
    set(ordinal());
  }

  private static int set(int kind) {
    try {
      return (int) SET.invokeExact(kind);
    } catch (Throwable e) {
      throw NativeCall.failed(e);
    }
  }
}
