package dev.sphere.trainer.autodiff;

import dev.sphere.bindings.tensor.TensorType;
import dev.sphere.bindings.tensor.TrainingKernels;

/**
 * The type that the factors of matrix products are rounded to; sums are F32 always. BF16 has 8 significant bits. It is
 * twice as fast as F32 on CPUs with AVX-512 BF16 and ten times with Intel's AMX; other CPUs compute in F32. F16 weights
 * have 11 significant bits: whether a weight is rounded up or down to BF16 depends on its place in the matrix, so that
 * small changes of a round of training survive on average.
 */
public enum MatmulPrecision {
  /** BF16 where the weight is BF16, F16 or quantised, F32 where it is F32. */
  AUTO,
  /** F32 with weights of every type. */
  F32,
  /** BF16 with weights of every type; the F32 master weights are not changed. */
  BF16,
  /** AUTO, but forward products with F16 and quantised weights are ggml's, with 8-bit activations, as in rollouts. */
  INT8;

  /** Whether products with a weight of this type round their factors to BF16 on this machine. */
  public boolean half(TensorType weight) {
    boolean wanted = switch (this) {
      case AUTO, INT8 -> weight != TensorType.F32;
      case F32 -> false;
      case BF16 -> true;
    };
    return wanted && TrainingKernels.hasBf16();
  }

  /** Whether ggml computes the forward products with a weight of this type. */
  boolean forwardByGgml(TensorType weight) {
    return this == INT8 && weight != TensorType.F32 && weight != TensorType.BF16;
  }
}
