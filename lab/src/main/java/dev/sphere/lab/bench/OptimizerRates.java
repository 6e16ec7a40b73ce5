package dev.sphere.lab.bench;

import dev.sphere.bindings.kernel.BenchKernels;
import dev.sphere.bindings.kernel.OptimizerKernels;
import dev.sphere.bindings.kernel.OptimizerKernels.AdamWStep;
import dev.sphere.bindings.tensor.NativeFloats;

/**
 * How near the fused AdamW comes to the memory's speed, in 10^9 bytes a second.
 *
 * @param adamw bytes that a step reads and writes (value, gradient, both moments) over its time
 * @param copy bytes that a copy of one array to another reads and writes over its time
 */
public record OptimizerRates(double adamw, double copy) {
  private static final int SIZE = 1 << 25; // 128 MiB an array: beyond any cache

  /** Measures; takes half a GiB and a second. */
  public static OptimizerRates measure(int threads) {
    try (NativeFloats value = NativeFloats.allocate(SIZE);
        NativeFloats gradient = NativeFloats.allocate(SIZE);
        NativeFloats m = NativeFloats.allocate(SIZE);
        NativeFloats v = NativeFloats.allocate(SIZE)) {
      AdamWStep step = new AdamWStep(1, 1, 1e-5f, 0.9f, 0.999f, 1, 1e-8f);
      double adamw = 0;
      double copy = 0;
      for (int i = 0; i < 5; i++) {
        long begin = System.nanoTime();
        OptimizerKernels.adamw(value, gradient, m, v, step, true, threads);
        adamw = Math.max(adamw, 32.0 * SIZE / (System.nanoTime() - begin));
        begin = System.nanoTime();
        BenchKernels.copy(value, gradient, threads);
        copy = Math.max(copy, 8.0 * SIZE / (System.nanoTime() - begin));
      }
      return new OptimizerRates(adamw, copy);
    }
  }
}
