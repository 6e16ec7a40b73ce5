package dev.sphere.bindings.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sphere.bindings.kernel.Activations;
import dev.sphere.bindings.kernel.AttentionKernel;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.Quantization;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * libsphere's products with quantised weights, which it rounds to BF16, or takes as they are in F32: every single weight against the dequantised one,
 * sums against sums in double, and a row's bits alone against the same row's in company; with the matrix unit, where
 * there is one, and without.
 */
class QuantisedProductsTest {
  private static final double ROUNDING = 0x1p-8; // the largest relative error of rounding to BF16
  private static final int MOST = 70;

  private final SplittableRandom random = new SplittableRandom(5);

  @ParameterizedTest
  @EnumSource(value = TensorType.class, mode = EnumSource.Mode.EXCLUDE, names = {"F32", "F16", "BF16", "I32"})
  void products(TensorType type) {
    assumeTrue(AttentionKernel.oneRow(), "this CPU leaves quantised weights to ggml");
    int block = type.blockSize();
    int[] lengths = block == 256 ? new int[] {256, 768, 1280} : new int[] {32, 96, 256, 544, 1056};
    try {
      for (boolean tiles : new boolean[] {true, false}) {
        AttentionKernel.tiles(tiles);
        for (int k : lengths) {
          for (int m : new int[] {1, 16, 37, 52, 64}) {
            products(type, k, m, ROUNDING);
          }
        }
      }
      Activations.INT16.use();
      for (int k : lengths) {
        for (int m : new int[] {1, 16, 37}) {
          products(type, k, m, 1e-4);
        }
      }
      Activations.INT8.use();
      for (int k : lengths) {
        for (int m : new int[] {1, 16, 37}) {
          products(type, k, m, 0x1p-7);
        }
      }
      Activations.F32.use();
      for (int k : lengths) {
        for (int m : new int[] {1, 16, 37}) {
          products(type, k, m, 1e-6);
        }
      }
    } finally {
      Activations.BF16.use();
      AttentionKernel.tiles(true);
    }
  }

  /** Blocks of 8 bits: as coarse as ggml's own, whose numbers with these types they are. */
  @ParameterizedTest
  @EnumSource(names = {"Q4_0", "Q5_0", "Q8_0", "IQ4_NL"})
  void eightBits(TensorType type) {
    assumeTrue(AttentionKernel.oneRow(), "this CPU leaves quantised weights to ggml");
    byte[] weights = blocks(type, 16 * 96 / 32);
    float[] x = new float[96];
    for (int i = 0; i < x.length; i++) {
      x[i] = (float) random.nextGaussian();
    }
    float[] fine = multiply(type, weights, x, 96, 16, 1, 1);
    float[] coarse;
    try {
      Activations.INT8.use();
      assertEquals(Activations.INT8, Activations.current());
      coarse = multiply(type, weights, x, 96, 16, 1, 1);
      AttentionKernel.enable(false);
      assertArrayEquals(multiply(type, weights, x, 96, 16, 1, 1), coarse, 1e-3f);
    } finally {
      AttentionKernel.enable(true);
      Activations.BF16.use();
    }
    assertArrayEquals(fine, coarse, 2f);
    assertFalse(Arrays.equals(fine, coarse));
  }

  private void products(TensorType type, int k, int m, double rounding) {
    String what = type + ", " + k + " x " + m;
    byte[] weights = blocks(type, k * m / type.blockSize());
    float[] w = new float[k * m];
    Quantization.dequantize(
        GgmlType.valueOf(type.name()), ByteBuffer.wrap(weights).order(ByteOrder.LITTLE_ENDIAN), w, 0, w.length);

    float[] units = new float[k * k];
    for (int i = 0; i < k; i++) {
      units[i * k + i] = 1;
    }
    float[] each = multiply(type, weights, units, k, m, k, 2);
    for (int i = 0; i < k; i++) {
      for (int o = 0; o < m; o++) {
        float expected = w[o * k + i];
        assertEquals(expected, each[i * m + o], rounding * Math.abs(expected) + 1e-6, what + ": weight " + i + ", " + o);
      }
    }

    float[] x = new float[MOST * k];
    for (int i = 0; i < x.length; i++) {
      x[i] = (float) random.nextGaussian();
    }
    float[] all = multiply(type, weights, x, k, m, MOST, 1);
    for (int j = 0; j < MOST; j++) {
      for (int o = 0; o < m; o++) {
        double sum = 0, size = 0;
        for (int i = 0; i < k; i++) {
          double product = (double) w[o * k + i] * x[j * k + i];
          sum += product;
          size += Math.abs(product);
        }
        assertEquals(sum, all[j * m + o], 2.01 * rounding * size + 1e-5, what + ": output " + o + " of row " + j);
      }
    }
    for (int n : new int[] {1, 2, 3, 4, 5, 7, 8, 13, 16, 17, 31, 32, 33, 48, 65}) {
      float[] some = multiply(type, weights, Arrays.copyOf(x, n * k), k, m, n, 1 + n % 3);
      assertArrayEquals(Arrays.copyOf(all, n * m), some, what + ", " + n + " rows");
    }
  }

  private static float[] multiply(TensorType type, byte[] weights, float[] x, int k, int m, int n, int threads) {
    try (Backend backend = Backend.cpu(threads);
        Graph graph = new Graph(backend, 8)) {
      Tensor a = graph.input(type, k, m);
      Tensor b = graph.input(TensorType.F32, k, n);
      Tensor product = graph.keep(graph.mulMat(a, b));
      graph.allocate();
      a.load((target, from) -> target.put(weights, (int) from, target.remaining()));
      b.write(x);
      graph.compute();
      return product.read();
    }
  }

  /** Blocks of random bits with scales of about one; the first has all bits of its numbers set, the second none. */
  private byte[] blocks(TensorType type, int count) {
    int size = GgmlType.valueOf(type.name()).blockBytes();
    byte[] bytes = new byte[count * size];
    random.nextBytes(bytes);
    Arrays.fill(bytes, 0, size, (byte) 0xFF);
    if (count > 1) {
      Arrays.fill(bytes, size, 2 * size, (byte) 0);
    }
    ByteBuffer all = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < count; i++) {
      for (int at : switch (type) {
        case Q3_K, Q6_K -> new int[] {size - 2};
        case Q2_K -> new int[] {size - 4, size - 2};
        case Q4_0, Q5_0, Q8_0, IQ4_NL, IQ4_XS -> new int[] {0};
        default -> new int[] {0, 2};
      }) {
        all.putShort(i * size + at, scale());
      }
    }
    return bytes;
  }

  private short scale() {
    return Float.floatToFloat16((random.nextBoolean() ? 1 : -1) * (0.01f + 0.1f * (float) random.nextDouble()));
  }
}
