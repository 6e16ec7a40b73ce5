package dev.sphere.trainer.job;

import dev.sphere.bindings.tensor.Backend;
import dev.sphere.bindings.tensor.Graph;
import dev.sphere.bindings.tensor.Tensor;
import dev.sphere.bindings.tensor.TensorBuffer;
import dev.sphere.bindings.tensor.TensorType;
import dev.sphere.bindings.tensor.TrainingKernels;

/** How fast this process multiplies matrices when it trains. */
final class ProductRate {
  private static final int TOKENS = 1024;

  private ProductRate() {}

  /**
   * Measures libsphere's product of a weight [in x out] with 1,024 rows; takes less than a second.
   *
   * @param half whether factors are rounded to BF16; otherwise they are F32
   * @return 10^9 floating-point operations a second; 0 on a device, which has no such products
   */
  static double measure(int threads, int in, int out, boolean half) {
    double best = 0;
    try (Backend backend = Backend.open(threads);
        TensorBuffer buffer = new TensorBuffer(backend, 2);
        Graph graph = new Graph(backend, 10)) {
      if (!backend.offersProducts() || half && !TrainingKernels.hasBf16()) {
        return 0;
      }
      Tensor weight = buffer.add(half ? TensorType.BF16 : TensorType.F32, "weight", in, out);
      Tensor x = buffer.add(TensorType.F32, "x", in, TOKENS);
      buffer.allocate();
      graph.keep(new TrainingKernels(graph).linear(weight, x, null, half));
      graph.allocate();
      for (int i = 0; i < 6; i++) {
        long begin = System.nanoTime();
        graph.compute();
        best = Math.max(best, 2.0 * TOKENS * in * out / (System.nanoTime() - begin));
      }
    }
    return best;
  }
}
