package dev.sphere.trainer.autodiff;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sphere.bindings.kernel.AttentionKernel;
import dev.sphere.bindings.kernel.GgmlQuantizer;
import dev.sphere.bindings.tensor.Backend;
import dev.sphere.bindings.tensor.Graph;
import dev.sphere.bindings.tensor.Tensor;
import dev.sphere.bindings.tensor.TensorBuffer;
import dev.sphere.bindings.tensor.TensorType;
import dev.sphere.bindings.tensor.TrainingKernels;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.Quantization;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * With weights of every type, products in F32 and of numbers rounded to BF16, in the three layouts of a linear layer,
 * against sums in double: with tiles where the CPU has them, and in a JVM that is told to leave them.
 */
class LinearKernelsTest {
  /** in, out, n: around tiles of 16, panels of 32, blocks of 512 rows, parts of sums and strips of C beyond 1,024. */
  private static final int[][] SIZES = {
    {1, 1, 1}, {2, 3, 17}, {31, 33, 32}, {33, 65, 31}, {64, 32, 64}, {127, 300, 5}, {160, 49, 513}, {1024, 34, 40},
    {1025, 40, 35}, {1100, 640, 530}, {70, 1700, 9}, {2051, 17, 3}, {45, 1030, 1200}
  };

  /** The same with weights in blocks of 32 or 256, of which `in` is made up: no multiples of 16 and 256 else. */
  private static final int[][] BLOCK_SIZES = {
    {1, 1, 1}, {33, 65, 31}, {300, 49, 33}, {1025, 43, 35}, {1300, 530, 3}, {70, 1000, 9}
  };

  private final SplittableRandom random = new SplittableRandom(11);

  /** The child of {@link #withoutTiles}. */
  static final class Child {
    private Child() {}

    public static void main(String[] args) {
      LinearKernelsTest test = new LinearKernelsTest();
      for (TensorType type : List.of(TensorType.F32, TensorType.BF16, TensorType.Q8_0, TensorType.Q5_K)) {
        test.products(type, false);
        if (TrainingKernels.hasBf16()) {
          test.products(type, true);
        }
      }
      test.rowsAlone();
    }
  }

  @Test
  void withoutTiles() throws Exception {
    assumeTrue(AttentionKernel.tiles(true), "this CPU has no matrix unit: the other tests are without one");
    ProcessBuilder builder = new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(), "--enable-native-access=ALL-UNNAMED",
            "-cp", System.getProperty("java.class.path"), Child.class.getName())
        .redirectErrorStream(true);
    builder.environment().put("SPHERE_AMX", "off");
    Process child = builder.start();
    String said = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, child.waitFor(), said);
  }

  @ParameterizedTest
  @EnumSource(value = TensorType.class, mode = EnumSource.Mode.EXCLUDE, names = "I32")
  void exactProducts(TensorType type) {
    products(type, false);
  }

  @ParameterizedTest
  @EnumSource(value = TensorType.class, mode = EnumSource.Mode.EXCLUDE, names = "I32")
  void halfProducts(TensorType type) {
    assumeTrue(TrainingKernels.hasBf16(), "this CPU multiplies no BF16");
    products(type, true);
  }

  /** What a round changed by an eighth of BF16's unit: to the nearest, nothing of it would be left. */
  @Test
  void smallUpdatesSurviveInF16() {
    assumeTrue(TrainingKernels.hasBf16(), "this CPU multiplies no BF16");
    Problem p = new Problem(TensorType.F16, 64, 16, 8);
    for (int i = 0; i < p.weights.length; i++) {
      p.weights[i] = 1 + 1 / 1024f;
    }
    Quantization.quantize(GgmlType.F16, p.weights, 0, p.weights.length, ByteBuffer.wrap(p.bytes).order(ByteOrder.LITTLE_ENDIAN));
    Arrays.fill(p.x, 1);
    Arrays.fill(p.dy, 1);
    float[][] results = p.run(1, true);
    for (float y : results[1]) {
      assertEquals(64 + 64 / 1024f, y);
    }
    for (float dx : results[2]) {
      assertEquals(16 + 16 / 1024f, dx);
    }
  }

  private void products(TensorType type, boolean half) {
    for (int[] size : type.blockSize() > 1 ? BLOCK_SIZES : SIZES) {
      int in = Math.ceilDiv(size[0], type.blockSize()) * type.blockSize();
      int out = size[1];
      int n = size[2];
      Problem p = new Problem(type, in, out, n);
      float[][] results = p.run(1, half);
      float[][] threads = p.run(3, half);
      String what = type + (half ? " in BF16 " : " in F32 ") + Arrays.toString(size) + ", result ";
      for (int i = 0; i < results.length; i++) {
        assertArrayEquals(results[i], threads[i], what + i + " depends on the number of threads");
      }
      // y, y without a bias, dx, dx added, dw added
      double[] y = p.sums(half, n, out, in, p.x, in, 1, p.read(half), 1, in);
      close(y, p.bias, false, results[0], what + 0);
      close(y, null, false, results[1], what + 1);
      double[] dx = p.sums(half, n, in, out, p.dy, out, 1, p.read(half), in, 1);
      close(dx, null, false, results[2], what + 2);
      close(dx, null, true, results[3], what + 3);
      close(p.sums(half, out, in, n, p.dy, 1, out, p.x, in, 1), null, true, results[4], what + 4);
    }
  }

  /** Expected: the sums, plus the bias of the column, plus the 1 that targets start from. */
  private static void close(double[] sums, float[] bias, boolean added, float[] actual, String what) {
    double largest = 1;
    for (double e : sums) {
      largest = Math.max(largest, Math.abs(e));
    }
    assertEquals(sums.length, actual.length, what);
    for (int i = 0; i < sums.length; i++) {
      double expected = sums[i] + (bias == null ? 0 : bias[i % bias.length]) + (added ? 1 : 0);
      assertEquals(expected, actual[i], 1e-6 * largest, what + "[" + i + "]");
    }
  }

  /** A row has the same bits alone and in company, wherever it stands. */
  @Test
  void rowsAlone() {
    rowsAlone(new Problem(TensorType.F32, 1057, 75, 67), false);
    if (TrainingKernels.hasBf16()) {
      rowsAlone(new Problem(TensorType.BF16, 1057, 75, 67), true);
    }
  }

  private static void rowsAlone(Problem all, boolean half) {
    float[][] together = all.run(2, half);
    for (int row : new int[] {0, 15, 16, 31, 33, 66}) {
      float[][] alone = all.row(row).run(2, half);
      assertArrayEquals(Arrays.copyOfRange(together[0], row * all.out, (row + 1) * all.out), alone[0]);
      assertArrayEquals(Arrays.copyOfRange(together[2], row * all.in, (row + 1) * all.in), alone[2]);
    }
    assertTrue(together[0][0] != 0);
  }

  private static float half(float x) {
    int bits = Float.floatToRawIntBits(x);
    return Float.intBitsToFloat((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000);
  }

  private static float round(boolean half, float x) {
    return half ? half(x) : x;
  }

  private float[] values(int n) {
    float[] v = new float[n];
    for (int i = 0; i < n; i++) {
      v[i] = 2 * (float) random.nextDouble() - 1;
    }
    return v;
  }

  /** A layer's numbers. */
  private final class Problem {
    final TensorType type;
    final int in;
    final int out;
    final int n;
    float[] x;
    float[] dy;
    final float[] bias;
    final float[] weights; // as the layer reads them
    final byte[] bytes; // as they lie in memory; null: F32

    Problem(TensorType type, int in, int out, int n) {
      this.type = type;
      this.in = in;
      this.out = out;
      this.n = n;
      x = values(in * n);
      dy = values(out * n);
      bias = values(out);
      weights = values(in * out);
      bytes = type == TensorType.F32 ? null : new byte[(int) type.bytes((long) in * out)];
      if (bytes != null) {
        GgmlType format = GgmlType.valueOf(type.name());
        ByteBuffer to = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        if (type.blockSize() == 1) {
          Quantization.quantize(format, weights, 0, weights.length, to);
        } else {
          to.put(GgmlQuantizer.quantize(format, weights, 0, weights.length));
        }
        Quantization.dequantize(format, to.rewind(), weights, 0, weights.length);
      }
    }

    private Problem(Problem all, int row) {
      type = all.type;
      in = all.in;
      out = all.out;
      n = 1;
      bias = all.bias;
      weights = all.weights;
      bytes = all.bytes;
      x = Arrays.copyOfRange(all.x, row * in, (row + 1) * in);
      dy = Arrays.copyOfRange(all.dy, row * out, (row + 1) * out);
    }

    Problem row(int row) {
      return new Problem(this, row);
    }

    /**
     * The weights as products in F32 or of numbers in BF16 read them: the eight places in which F16's are rounded up
     * or down.
     */
    float[] read(boolean half) {
      float[] read = weights.clone();
      for (int i = 0; half && type == TensorType.F16 && i < read.length; i++) {
        int eighths = Integer.reverse((3 * (i / in) + i % in) % 8) >>> 29;
        read[i] = Float.intBitsToFloat((Float.floatToRawIntBits(read[i]) + (eighths << 13)) & 0xffff0000);
      }
      return read;
    }

    /** C [m, n] in double, of factors rounded to BF16 or not. */
    double[] sums(boolean half, int m, int columns, int k, float[] a, int aRow, int aCol, float[] b, int bRow, int bCol) {
      double[] c = new double[m * columns];
      float[] column = new float[k];
      for (int j = 0; j < columns; j++) {
        for (int p = 0; p < k; p++) {
          column[p] = round(half, b[p * bRow + j * bCol]);
        }
        for (int i = 0; i < m; i++) {
          double sum = 0;
          for (int p = 0; p < k; p++) {
            sum += (double) round(half, a[i * aRow + p * aCol]) * column[p];
          }
          c[i * columns + j] = sum;
        }
      }
      return c;
    }

    float[][] run(int threads, boolean half) {
      try (Backend backend = Backend.cpu(threads);
          TensorBuffer buffer = new TensorBuffer(backend, 8);
          Graph graph = new Graph(backend, 20)) {
        Tensor w = buffer.add(type, "w", in, out);
        Tensor xs = buffer.add(TensorType.F32, "x", in, n);
        Tensor dys = buffer.add(TensorType.F32, "dy", out, n);
        Tensor biases = buffer.add(TensorType.F32, "bias", out);
        Tensor dxs = buffer.add(TensorType.F32, "dx", in, n);
        Tensor dw = buffer.add(TensorType.F32, "dw", in, out);
        buffer.allocate();
        if (bytes == null) {
          w.write(weights);
        } else {
          w.load((target, from) -> target.put(bytes, (int) from, target.remaining()));
        }
        xs.write(x);
        dys.write(dy);
        biases.write(bias);
        float[] ones = new float[Math.max(in * n, in * out)];
        Arrays.fill(ones, 1);
        dxs.write(Arrays.copyOf(ones, in * n));
        dw.write(Arrays.copyOf(ones, in * out));
        TrainingKernels kernels = new TrainingKernels(graph);
        Tensor biased = graph.keep(kernels.linear(w, xs, biases, half));
        Tensor plain = graph.keep(kernels.linear(w, xs, null, half));
        Tensor dx = graph.keep(kernels.linearDx(w, dys, null, half));
        graph.compute(kernels.linearDx(w, dys, dxs, half));
        graph.compute(kernels.linearDw(xs, dys, dw, half));
        graph.allocate();
        graph.compute();
        return new float[][] {biased.read(), plain.read(), dx.read(), dxs.read(), dw.read()};
      }
    }
  }
}
