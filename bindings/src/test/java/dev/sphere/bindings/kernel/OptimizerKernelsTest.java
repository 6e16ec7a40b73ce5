package dev.sphere.bindings.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.bindings.kernel.OptimizerKernels.AdamWStep;
import dev.sphere.bindings.tensor.NativeFloats;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The native loops against the same formulas in plain Java: equal to the last bit, on odd sizes, for any threads. */
class OptimizerKernelsTest {
  private static final AdamWStep STEP = new AdamWStep(0.7f, 0.9998f, 3e-3f, 0.9f, 0.999f, 1.3f, 1e-8f);

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 7, 31, 4095, 4097, 200_003})
  void adamWIsThePlainLoop(int n) {
    float[] value = random(n, 1);
    float[] gradient = random(n, 2);
    float[] m = random(n, 3);
    float[] v = squares(random(n, 4));
    try (NativeFloats np = copy(value);
        NativeFloats ng = copy(gradient);
        NativeFloats nm = copy(m);
        NativeFloats nv = copy(v)) {
      OptimizerKernels.adamw(np, ng, nm, nv, STEP, false, 3);
      for (int i = 0; i < n; i++) {
        float g = STEP.gradScale() * gradient[i];
        m[i] = STEP.beta1() * m[i] + (1f - STEP.beta1()) * g;
        v[i] = STEP.beta2() * v[i] + (1f - STEP.beta2()) * (g * g);
        float root = (float) Math.sqrt(v[i]) * STEP.rootScale() + STEP.epsilon();
        value[i] = STEP.keep() * value[i] - STEP.stepSize() * (m[i] / root);
      }
      assertArrayEquals(value, read(np));
      assertArrayEquals(m, read(nm));
      assertArrayEquals(v, read(nv));
      assertArrayEquals(gradient, read(ng));
      OptimizerKernels.adamw(np, ng, nm, nv, STEP, true, 1);
      assertArrayEquals(new float[n], read(ng));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 9, 4097, 200_003})
  void sgdIsThePlainLoop(int n) {
    float[] value = random(n, 5);
    float[] gradient = random(n, 6);
    float[] velocity = random(n, 7);
    try (NativeFloats np = copy(value);
        NativeFloats plain = copy(value);
        NativeFloats ng = copy(gradient);
        NativeFloats nv = copy(velocity)) {
      OptimizerKernels.sgd(plain, ng, null, 0.5f, 0.999f, 0.01f, 0.9f, false, 2);
      OptimizerKernels.sgd(np, ng, nv, 0.5f, 0.999f, 0.01f, 0.9f, true, 2);
      float[] without = value.clone();
      for (int i = 0; i < n; i++) {
        float g = 0.5f * gradient[i];
        without[i] = 0.999f * value[i] - 0.01f * g;
        velocity[i] = 0.9f * velocity[i] + g;
        value[i] = 0.999f * value[i] - 0.01f * velocity[i];
      }
      assertArrayEquals(without, read(plain));
      assertArrayEquals(value, read(np));
      assertArrayEquals(velocity, read(nv));
      assertArrayEquals(new float[n], read(ng));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 8, 15, 4096, 4099, 300_001})
  void sumOfSquaresDoesNotDependOnThreads(int n) {
    float[] x = random(n, 8);
    double plain = 0;
    for (float f : x) {
      plain += (double) f * f;
    }
    try (NativeFloats nx = copy(x)) {
      double one = OptimizerKernels.sumSquares(nx, 1);
      assertEquals(plain, one, 1e-12 * plain);
      for (int threads = 2; threads <= 5; threads++) {
        assertEquals(one, OptimizerKernels.sumSquares(nx, threads));
      }
    }
  }

  @Test
  void extremesShow() {
    try (NativeFloats x = copy(new float[] {3e38f, -3e38f, 1e-38f})) {
      assertEquals(2 * (3e38f * (double) 3e38f), OptimizerKernels.sumSquares(x, 1), 1e64);
      x.set(1, Float.NaN);
      assertTrue(Double.isNaN(OptimizerKernels.sumSquares(x, 1)));
      x.set(1, Float.NEGATIVE_INFINITY);
      assertEquals(Double.POSITIVE_INFINITY, OptimizerKernels.sumSquares(x, 1));
    }
  }

  @Test
  void zeroed() {
    float[] a = random(70_001, 9);
    try (NativeFloats x = copy(a)) {
      OptimizerKernels.zero(x);
      assertArrayEquals(new float[a.length], read(x));
    }
  }

  @Test
  void sizesMustAgreeAndClosedArraysAreRefused() {
    NativeFloats closed = NativeFloats.allocate(3);
    closed.close();
    try (NativeFloats x = NativeFloats.allocate(3);
        NativeFloats y = NativeFloats.allocate(4)) {
      assertThrows(IllegalArgumentException.class, () -> OptimizerKernels.adamw(x, x, x, y, STEP, false, 1));
      assertThrows(IllegalStateException.class, () -> OptimizerKernels.zero(closed));
    }
  }

  private static float[] random(int n, long seed) {
    Random random = new Random(seed);
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = (float) random.nextGaussian();
    }
    return x;
  }

  private static float[] squares(float[] x) {
    for (int i = 0; i < x.length; i++) {
      x[i] *= x[i];
    }
    return x;
  }

  private static NativeFloats copy(float[] x) {
    NativeFloats n = NativeFloats.allocate(x.length);
    n.write(0, x);
    return n;
  }

  private static float[] read(NativeFloats n) {
    float[] x = new float[Math.toIntExact(n.size())];
    n.read(0, x);
    return x;
  }
}
