package dev.sphere.lab.bench;

import dev.sphere.bindings.tensor.Backend;
import dev.sphere.bindings.tensor.Graph;
import dev.sphere.bindings.tensor.Tensor;
import dev.sphere.bindings.tensor.TensorBuffer;
import dev.sphere.bindings.tensor.TensorType;
import dev.sphere.bindings.tensor.TrainingKernels;

/**
 * Rates of the process's matrix products on a feed-forward layer's shape, in 10^9 floating-point operations a second.
 *
 * @param f32 libsphere's products in F32; 0 on a device, which has none
 * @param bf16 libsphere's with factors in BF16; 0 where the CPU has none
 * @param ggmlF32 ggml's in F32
 * @param ggmlBf16 ggml's with a BF16 weight
 */
public record ProductRates(double f32, double bf16, double ggmlF32, double ggmlBf16) {
  private static final int TOKENS = 1024;

  /** The interface of one way to multiply. */
  private interface Product {
    Tensor of(Graph graph, Tensor weight, Tensor x);
  }

  /** Measures; takes a second or two. */
  public static ProductRates measure(int threads, int in, int out) {
    try (Backend backend = Backend.open(threads)) {
      boolean ours = backend.offersProducts();
      Product exact = (g, w, x) -> new TrainingKernels(g).linear(w, x, null, false);
      Product half = (g, w, x) -> new TrainingKernels(g).linear(w, x, null, true);
      return new ProductRates(
          ours ? rate(backend, TensorType.F32, in, out, exact) : 0,
          ours && TrainingKernels.hasBf16() ? rate(backend, TensorType.BF16, in, out, half) : 0,
          rate(backend, TensorType.F32, in, out, Graph::mulMat),
          rate(backend, TensorType.BF16, in, out, Graph::mulMat));
    }
  }

  private static double rate(Backend backend, TensorType type, int in, int out, Product product) {
    double best = 0;
    try (TensorBuffer buffer = new TensorBuffer(backend, 2);
        Graph graph = new Graph(backend, 10)) {
      Tensor weight = buffer.add(type, "weight", in, out);
      Tensor x = buffer.add(TensorType.F32, "x", in, TOKENS);
      buffer.allocate();
      graph.keep(product.of(graph, weight, x));
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
