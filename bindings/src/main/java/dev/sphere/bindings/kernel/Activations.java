package dev.sphere.bindings.kernel;

import static java.lang.foreign.FunctionDescriptor.of;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.sphere.bindings.load.NativeCall;
import dev.sphere.bindings.load.NativeLibraries;
import dev.sphere.bindings.load.NativeRuntime;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;
import java.util.Set;

/**
 * The number format to which products with weights round activations in rollouts, scoring and evaluation on the CPU;
 * one for the whole process. It is set before a model is opened.
 *
 * <p>Blocks of 8 bits are fast and coarse: when anything before them moves a little, a number falls to the other side,
 * so that the difference between a model with an adapter and the same without is mostly rounding
 * (docs/explanation/exactness.md).
 */
public enum Activations {
  /**
   * 16 bits in the form that this CPU is made for: {@link #INT16} with AVX-512 and VNNI, but without products of BF16,
   * else {@link #BF16}.
   */
  AUTO(-1),
  /**
   * BF16 (8 bits of mantissa) with weights in BF16 or quantised; F16 and F32 weights have activations of their own
   * type. With quantised weights CPUs that have no AVX-512 do what INT16 says.
   */
  BF16(0),
  /** Integers of 15 bits and a sign, in blocks of 32 that share a scale, where weights are quantised; else as BF16. */
  INT16(3),
  /**
   * Integers of 8 bits, in blocks of 32 that share a scale, where weights are quantised; else as BF16. As coarse as
   * ggml.
   */
  INT8(1),
  /** F32 throughout, with weights of every type. */
  F32(2);

  private static final MethodHandle SET = NativeLibraries.downcall("sphere_activations", of(JAVA_INT, JAVA_INT));

  /** libsphere's number of the type; -1: none of its own. */
  private final int kind;

  Activations(int kind) {
    this.kind = kind;
  }

  /** The type in use; {@link #BF16} until {@link #use} sets another one. */
  public static Activations current() {
    int now = set(-1);
    return Arrays.stream(values()).filter(a -> a.kind == now).findFirst().orElseThrow();
  }

  /** The type that is computed with on this CPU: {@link #AUTO} resolved, any other type itself. */
  public Activations here() {
    return this != AUTO ? this : on(NativeRuntime.cpuFeatures());
  }

  /** The type that AUTO stands for on a CPU with these features, as Linux names them. Visible for tests. */
  static Activations on(Set<String> features) {
    return features.contains("avx512_vnni") && !features.contains("avx512_bf16") ? INT16 : BF16;
  }

  /** Sets the type for the process; not while a model is open. */
  public void use() {
    set(here().kind);
  }

  private static int set(int kind) {
    return NativeCall.of(() -> (int) SET.invokeExact(kind));
  }
}
