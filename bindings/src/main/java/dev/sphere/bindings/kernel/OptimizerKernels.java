package dev.sphere.bindings.kernel;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.sphere.bindings.device.DeviceMemory;
import dev.sphere.bindings.load.AbiConstants;
import dev.sphere.bindings.load.NativeCall;
import dev.sphere.bindings.load.NativeLibraries;
import dev.sphere.bindings.tensor.NativeFloats;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * The optimizer's loops over F32 arrays in native memory (sphere_optim.h): one pass each, the same bits whatever the
 * number of threads. Arrays of one call have the same size and do not overlap.
 */
public final class OptimizerKernels {
  private static final MethodHandle ADAMW = NativeLibraries.downcall(
      "sphere_adamw",
      FunctionDescriptor.of(
          JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS, JAVA_LONG, JAVA_FLOAT, JAVA_FLOAT, JAVA_FLOAT, JAVA_FLOAT,
          JAVA_FLOAT, JAVA_FLOAT, JAVA_FLOAT, JAVA_INT, JAVA_INT));
  private static final MethodHandle SGD = NativeLibraries.downcall(
      "sphere_sgd",
      FunctionDescriptor.of(
          JAVA_INT, ADDRESS, ADDRESS, ADDRESS, JAVA_LONG, JAVA_FLOAT, JAVA_FLOAT, JAVA_FLOAT, JAVA_FLOAT, JAVA_INT,
          JAVA_INT));
  private static final MethodHandle SUM_SQUARES = NativeLibraries.downcall(
      "sphere_sum_squares", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT, ADDRESS));
  private static final MethodHandle ZERO = NativeLibraries.downcall(
      "sphere_zero", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG));

  private OptimizerKernels() {}

  /**
   * The numbers of one AdamW step, worked out by the caller in double precision and rounded once.
   *
   * @param gradScale factor on the gradient, usually 1 or the clipping factor
   * @param keep 1 - learning rate * weight decay
   * @param stepSize learning rate / (1 - beta1^t), t = 1, 2, ...
   * @param beta1 decay of the first moment
   * @param beta2 decay of the second moment
   * @param rootScale 1 / sqrt(1 - beta2^t)
   * @param epsilon added to the root
   */
  public record AdamWStep(
      float gradScale, float keep, float stepSize, float beta1, float beta2, float rootScale, float epsilon) {}

  /**
   * One AdamW step in one pass: {@code m = beta1 m + (1 - beta1) g}, {@code v = beta2 v + (1 - beta2) g g},
   * {@code value = keep value - stepSize m / (sqrt(v) rootScale + epsilon)}, with {@code g = gradScale gradient}.
   *
   * @param clear zeroes the gradient in the same pass
   */
  public static void adamw(NativeFloats value, NativeFloats gradient, NativeFloats m, NativeFloats v, AdamWStep step,
      boolean clear, int threads) {
    long n = sameSize(value, gradient, m, v);
    NativeCall.run(() -> check("AdamW", (int) ADAMW.invokeExact(
        value.segment(), gradient.segment(), m.segment(), v.segment(), n, step.gradScale, step.keep, step.stepSize,
        step.beta1, step.beta2, step.rootScale, step.epsilon, clear ? 1 : 0, threads)));
  }

  /**
   * One SGD step in one pass: {@code velocity = momentum velocity + gradScale gradient},
   * {@code value = keep value - stepSize velocity}.
   *
   * @param velocity null for plain SGD, which then uses the gradient itself
   */
  public static void sgd(NativeFloats value, NativeFloats gradient, NativeFloats velocity, float gradScale, float keep,
      float stepSize, float momentum, boolean clear, int threads) {
    long n = velocity == null ? sameSize(value, gradient) : sameSize(value, gradient, velocity);
    MemorySegment velocities = velocity == null ? MemorySegment.NULL : velocity.segment();
    NativeCall.run(() -> check("SGD", (int) SGD.invokeExact(
        value.segment(), gradient.segment(), velocities, n, gradScale, keep, stepSize, momentum, clear ? 1 : 0,
        threads)));
  }

  /** Sum of squares in double precision, in a fixed order. NaN or infinity among the values shows in it. */
  public static double sumSquares(NativeFloats x, int threads) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment sum = arena.allocate(JAVA_DOUBLE);
      check("sum of squares", (int) SUM_SQUARES.invokeExact(x.segment(), x.size(), threads, sum));
      return sum.get(JAVA_DOUBLE, 0);
    } catch (Throwable e) {
      throw NativeCall.failed(e);
    }
  }

  /** {@code x = 0}. */
  public static void zero(NativeFloats x) {
    NativeCall.run(() -> check("zero", (int) ZERO.invokeExact(x.segment(), x.size())));
  }

  private static long sameSize(NativeFloats first, NativeFloats... others) {
    for (NativeFloats o : others) {
      if (o.size() != first.size()) {
        throw new IllegalArgumentException("arrays of " + first.size() + " and " + o.size() + " floats in one step");
      }
    }
    return first.size();
  }

  private static void check(String what, int status) {
    if (status == AbiConstants.SPHERE_INVALID_ARGUMENT) {
      throw new IllegalStateException("optimizer kernel '" + what + "' failed: " + NativeCall.lastError());
    }
    DeviceMemory.check(status, what);
  }
}
