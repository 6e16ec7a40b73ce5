package dev.sphere.trainer.autodiff;

import dev.sphere.bindings.tensor.TensorType;
import dev.sphere.bindings.tensor.TrainingKernels;
import java.util.Locale;

/**
 * What the factors of matrix products are rounded to; sums are F32 always. BF16 has 8 bits, and is twice as fast as F32 on
 * CPUs that multiply it (AVX-512 BF16), ten times with Intel's AMX, where attention multiplies as its layer does. Elsewhere
 * all three are F32. F16 weights have three bits more: they are rounded up or down by their place, so that what a round
 * of training changed is there on average, however little it is.
 */
public enum MatmulPrecision {
  /** BF16 where the weight is BF16, F16 or quantised, F32 where it is F32. */
  AUTO,
  /** F32 throughout, with weights of every type. */
  F32,
  /** BF16 throughout: F32 weights are rounded on the way, the masters stay F32. */
  BF16,
  /** Like AUTO, but the way forward through quantised weights and F16 is that of rollouts, whose activations have 8 bits. */
  INT8;

  /** The products of that name, in any case. */
  public static MatmulPrecision of(String name) {
    try {
      return valueOf(name.toUpperCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("products are auto, f32, bf16 or int8, not '" + name + "'", e);
    }
  }

  /** Whether the products with a weight of this type round their factors to BF16 on this machine. */
  public boolean half(TensorType weight) {
    boolean wanted = switch (this) {
      case AUTO, INT8 -> weight != TensorType.F32;
      case F32 -> false;
      case BF16 -> true;
    };
    return wanted && TrainingKernels.hasBf16();
  }

  /** Whether the way forward through a weight of this type is ggml's. */
  boolean forwardByGgml(TensorType weight) {
    return this == INT8 && weight != TensorType.F32 && weight != TensorType.BF16;
  }
}
