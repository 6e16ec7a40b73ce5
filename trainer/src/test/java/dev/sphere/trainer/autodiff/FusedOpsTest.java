package dev.sphere.trainer.autodiff;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sphere.bindings.kernel.GgmlQuantizer;
import dev.sphere.bindings.tensor.Backend;
import dev.sphere.bindings.tensor.Graph;
import dev.sphere.bindings.tensor.Rope;
import dev.sphere.bindings.tensor.Tensor;
import dev.sphere.bindings.tensor.TensorType;
import dev.sphere.bindings.tensor.TrainingKernels;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.Quantization;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** libsphere's kernels against ggml's operations, on sizes around their tiles, blocks and panels. */
class FusedOpsTest {
  /** Compares result and gradients, and the kernels with themselves on three threads, where they must not differ. */
  private static void compare(int parameters, List<long[]> shapes, Trial.Operation operation) {
    List<float[]> plain = Trial.run(false, 1, parameters, shapes, operation);
    List<float[]> fused = Trial.run(true, 1, parameters, shapes, operation);
    List<float[]> threads = Trial.run(true, 3, parameters, shapes, operation);
    assertEquals(plain.size(), fused.size());
    for (int i = 0; i < plain.size(); i++) {
      String what = i == 0 ? "result" : "gradient of input " + (i - 1);
      assertArrayEquals(fused.get(i), threads.get(i), what + " depends on the number of threads");
      close(plain.get(i), fused.get(i), what);
    }
  }

  private static void close(float[] expected, float[] actual, String what) {
    double largest = 0;
    for (float e : expected) {
      largest = Math.max(largest, Math.abs(e));
    }
    assertEquals(expected.length, actual.length, what);
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], actual[i], 1e-5 * largest, what + "[" + i + "]");
    }
  }

  @ParameterizedTest
  @CsvSource({"1,1,1", "7,5,3", "16,48,8", "161,49,9", "333,191,17", "20,1601,5", "1,64,300", "50,33,700"})
  void linear(int in, int out, int n) {
    compare(1, List.of(new long[] {in, n}, new long[] {in, out}), (ops, x, w) -> ops.linear(x.get(1), x.get(0)));
  }

  /** Numbers that BF16 holds: then its products are exact, edges and odd depths included. */
  @ParameterizedTest
  @CsvSource({"1,1,1", "7,5,3", "16,48,8", "161,49,9", "333,191,17", "20,1601,5", "1,64,300", "50,33,700", "515,70,35"})
  void bf16Products(int in, int out, int n) {
    assumeTrue(TrainingKernels.hasBf16(), "this CPU multiplies no BF16");
    List<long[]> shapes = List.of(new long[] {in, n}, new long[] {in, out});
    Trial.Operation product = (ops, x, w) -> ops.linear(x.get(1), x.get(0));
    List<float[]> plain = Trial.run(null, true, 1, 1, shapes, product);
    List<float[]> half = Trial.run(MatmulPrecision.BF16, true, 1, 1, shapes, product);
    List<float[]> threads = Trial.run(MatmulPrecision.BF16, true, 3, 1, shapes, product);
    for (int i = 0; i < plain.size(); i++) {
      assertArrayEquals(plain.get(i), half.get(i));
      assertArrayEquals(plain.get(i), threads.get(i));
    }
    // And it does round: numbers with more bits come out a little different.
    float[] exact = Trial.run(MatmulPrecision.F32, false, 1, 1, shapes, product).getFirst();
    float[] rounded = Trial.run(MatmulPrecision.BF16, false, 1, 1, shapes, product).getFirst();
    double largest = 0;
    double furthest = 0;
    for (int i = 0; i < exact.length; i++) {
      largest = Math.max(largest, Math.abs(exact[i]));
      furthest = Math.max(furthest, Math.abs(exact[i] - rounded[i]));
    }
    assertTrue(furthest > 0 && furthest < 0.01 * largest, furthest + " of " + largest);
  }

  /**
   * Weights of other types: to the bits of the same numbers in F32, both ways, whole blocks and parts of a depth. In
   * BF16 F16's are rounded by their place: {@link LinearKernelsTest} has that.
   */
  @ParameterizedTest
  @EnumSource(value = TensorType.class, mode = EnumSource.Mode.EXCLUDE, names = {"F32", "I32"})
  void weightsOfAnyType(TensorType type) {
    for (int in : type.blockSize() == 256 ? new int[] {768, 1536} : new int[] {32, 544, 1312}) {
      for (int out : new int[] {17, 49, 1601}) {
        for (int n : new int[] {1, 9}) {
          boolean both = TrainingKernels.hasBf16() && type != TensorType.F16;
          for (boolean half : both ? new boolean[] {false, true} : new boolean[] {false}) {
            for (int threads : new int[] {1, 3}) {
              weightsOfAnyType(type, in, out, n, half, threads);
            }
          }
        }
      }
    }
  }

  private static void weightsOfAnyType(TensorType type, int in, int out, int n, boolean half, int threads) {
    SplittableRandom random = new SplittableRandom(3);
    float[] w = new float[in * out];
    float[] x = new float[in * n];
    float[] dy = new float[out * n];
    for (float[] all : List.of(w, x, dy)) {
      for (int i = 0; i < all.length; i++) {
        all[i] = (float) random.nextGaussian();
      }
    }
    try (Backend backend = Backend.cpu(threads);
        Graph graph = new Graph(backend, 16)) {
      TrainingKernels kernels = new TrainingKernels(graph);
      Tensor weight = graph.input(type, in, out);
      Tensor every = graph.input(TensorType.I32, out);
      Tensor values = graph.input(TensorType.F32, in, n);
      Tensor back = graph.input(TensorType.F32, out, n);
      Tensor plain = graph.getRows(weight, every);
      List<Tensor> results = new ArrayList<>();
      for (Tensor each : List.of(plain, weight)) {
        results.add(graph.keep(kernels.linear(each, values, null, half)));
        results.add(graph.keep(kernels.linearDx(each, back, null, half)));
      }
      graph.allocate();
      weight.load((target, from) -> target.put(blocks(type, w), (int) from, target.remaining()));
      every.write(IntStream.range(0, out).toArray());
      values.write(x);
      back.write(dy);
      graph.compute();
      String what = type + " " + in + " x " + out + ", " + n + " rows, bf16 " + half + ", " + threads + " threads";
      for (int i = 0; i < 2; i++) {
        float[] expected = results.get(i).read();
        assertFalse(Arrays.equals(expected, new float[expected.length]), what);
        assertArrayEquals(expected, results.get(i + 2).read(), what + (i == 0 ? ", forward" : ", back"));
      }
    }
  }

  private static byte[] blocks(TensorType type, float[] numbers) {
    GgmlType ggml = GgmlType.valueOf(type.name());
    ByteBuffer blocks;
    if (Quantization.canQuantize(ggml)) {
      blocks = ByteBuffer.allocate((int) type.bytes(numbers.length)).order(ByteOrder.LITTLE_ENDIAN);
      Quantization.quantize(ggml, numbers, 0, numbers.length, blocks);
      blocks.flip();
    } else {
      blocks = GgmlQuantizer.quantize(ggml, numbers, 0, numbers.length);
    }
    byte[] bytes = new byte[blocks.remaining()];
    blocks.get(bytes);
    return bytes;
  }

  /** The same input twice and a bias: gradients are added in place, and not into what others hold. */
  @ParameterizedTest
  @CsvSource({"5,3", "40,70"})
  void residualsAndBiases(int width, int n) {
    compare(
        3,
        List.of(
            new long[] {width, n}, new long[] {width, width}, new long[] {width, width}, new long[] {width}),
        (ops, in, w) -> {
          Value x = in.get(0);
          Value a = ops.add(ops.linear(in.get(1), x), in.get(3));
          Value b = ops.linear(in.get(2), x);
          return ops.add(ops.scale(ops.add(x, a), 0.5f), ops.add(b, x));
        });
  }

  @ParameterizedTest
  @CsvSource({"1,1", "15,4", "16,9", "129,33"})
  void rmsNorm(int width, int n) {
    compare(
        1,
        List.of(new long[] {width, n}, new long[] {width}),
        (ops, x, w) -> ops.add(x.get(0), ops.rmsNorm(x.get(0), x.get(1), 1e-5f)));
  }

  @ParameterizedTest
  @CsvSource({"1,1", "17,5", "64,31"})
  void swiglu(int width, int n) {
    compare(0, List.of(new long[] {width, n}, new long[] {width, n}), (ops, x, w) -> ops.swiglu(x.get(0), x.get(1)));
  }

  /**
   * What is kept in BF16 changes nothing where BF16 holds it, and forward and backward use the same rounded numbers.
   */
  @ParameterizedTest
  @CsvSource({"1,1", "17,5", "64,31"})
  void swigluKeptInHalf(int width, int n) {
    List<long[]> shapes = List.of(new long[] {width, n}, new long[] {width, n});
    Trial.Operation operation = (ops, x, w) -> ops.swiglu(x.get(0), x.get(1));
    List<float[]> full = Trial.run(MatmulPrecision.F32, true, 1, 0, shapes, operation);
    List<float[]> half = Trial.run(MatmulPrecision.BF16, true, 1, 0, shapes, operation);
    for (int i = 0; i < full.size(); i++) {
      assertArrayEquals(full.get(i), half.get(i));
    }
    float[] exact = Trial.run(MatmulPrecision.F32, false, 1, 0, shapes, operation).getFirst();
    float[] rounded = Trial.run(MatmulPrecision.BF16, false, 1, 0, shapes, operation).getFirst();
    assertArrayEquals(exact, rounded, 0.02f);
    assertFalse(Arrays.equals(exact, rounded));
  }

  @ParameterizedTest
  @CsvSource({"0", "1"})
  void rowsThatRepeat(int parameters) {
    int[] indices = {3, 0, 3, 6, 1, 3};
    compare(
        parameters,
        List.of(new long[] {19, 7}),
        (ops, x, w) -> {
          Tensor rows = ops.tape().graph().input(TensorType.I32, indices.length);
          w.add(() -> rows.write(indices));
          return ops.rows(x.get(0), rows);
        });
  }

  private static final int[][] ATTENTIONS = {
    // head size, heads, kv heads, slots, groups, neox, branching
    {2, 1, 1, 1, 1, 1, 1}, {6, 4, 2, 31, 2, 1, 4}, {8, 3, 3, 33, 2, 0, 4}, {64, 2, 1, 70, 1, 1, 9}, {48, 7, 1, 100, 1, 1, 1},
    {10, 2, 2, 48, 3, 0, 3}, {32, 4, 1, 161, 2, 1, 6}, {34, 6, 2, 97, 1, 1, 40}
  };

  @Test
  void attention() {
    for (int[] sizes : ATTENTIONS) {
      compare(0, attentionShapes(sizes), attention(sizes));
    }
  }

  /** Factors rounded to BF16: near the exact ones, the same on three threads, and padding changes nothing. */
  @Test
  void attentionInHalf() {
    for (int[] sizes : ATTENTIONS) {
      List<float[]> exact = Trial.run(MatmulPrecision.F32, false, 1, 0, attentionShapes(sizes), attention(sizes));
      List<float[]> half = Trial.run(MatmulPrecision.BF16, false, 1, 0, attentionShapes(sizes), attention(sizes));
      List<float[]> threads = Trial.run(MatmulPrecision.BF16, false, 3, 0, attentionShapes(sizes), attention(sizes));
      for (int i = 0; i < exact.size(); i++) {
        assertArrayEquals(half.get(i), threads.get(i));
        double error = 0;
        double size = 0;
        for (int j = 0; j < exact.get(i).length; j++) {
          double e = exact.get(i)[j];
          error += (e - half.get(i)[j]) * (e - half.get(i)[j]);
          size += e * e;
        }
        // BF16 has 8 bits: a rounded factor is off by 0.1 % on average.
        assertTrue(Math.sqrt(error) <= 0.006 * Math.sqrt(size) + 1e-4, Arrays.toString(sizes) + " " + i + ": " + error + " of " + size);
      }
    }
  }

  private static List<long[]> attentionShapes(int[] z) {
    long n = (long) z[3] * z[4];
    return List.of(new long[] {z[0] * z[1], n}, new long[] {z[0] * z[2], n}, new long[] {z[0] * z[2], n});
  }

  private static Trial.Operation attention(int[] z) {
    int d = z[0];
    int slots = z[3];
    int branching = z[6];
    int n = slots * z[4];
    SplittableRandom random = new SplittableRandom(d + slots);
    int[] parents = new int[n];
    int[] positions = new int[n];
    for (int i = 0; i < n; i++) {
      int s = i % slots;
      boolean root = s == 0 || (branching > 1 && random.nextInt(12) == 0);
      boolean padding = s > slots - 3 && branching > 3;
      parents[i] = padding ? -2 : root ? -1 : random.nextInt(branching) == 0 ? s - 1 : random.nextInt(Math.max(0, s - 4), s);
      positions[i] = parents[i] < 0 ? 0 : positions[i - s + parents[i]] + 1;
    }
    return (ops, x, w) -> {
      Rope rope = Rope.plain(d >= 8 ? d - 4 : d, z[5] != 0, 1000);
      Geometry g = new Geometry(ops.tape().graph(), d, z[1], z[2], slots, rope, null, positions, parents);
      w.add(g::write);
      return ops.attention(x.get(0), x.get(1), x.get(2), g);
    };
  }

  /** Logits so far apart that a naive soft-max would overflow, a vocabulary that is no whole number of vectors. */
  @Test
  void logProbsOfExtremeLogits() {
    int vocabulary = 4099;
    int[] offsets = {0, 2, 2, 3};
    int[] tokens = {7, 4098, 0};
    float[] weights = {0.5f, -2, 1};
    float[] logits = new float[3 * vocabulary];
    SplittableRandom random = new SplittableRandom(3);
    for (int i = 0; i < logits.length; i++) {
      logits[i] = (float) (random.nextDouble() * 200 - 100);
    }
    logits[7] = 1000;
    logits[2 * vocabulary] = -3e4f;
    try (Backend backend = Backend.cpu(2);
        Graph graph = new Graph(backend, 20)) {
      Tensor in = graph.input(TensorType.F32, vocabulary, 3);
      Targets targets = new Targets(graph, offsets, tokens, weights);
      TrainingKernels kernels = new TrainingKernels(graph);
      Tensor logProbs = graph.keep(kernels.logProbs(in, targets.offsets(), targets.tokens()));
      Tensor gradient =
          graph.keep(
              graph.cont(kernels.logProbsBack(in, targets.offsets(), targets.tokens(), targets.weights(), logProbs)));
      graph.allocate();
      in.write(logits);
      targets.write();
      graph.compute();
      double[][] expected = reference(logits, vocabulary, offsets, tokens, weights);
      float[] actual = logProbs.read();
      for (int i = 0; i < tokens.length; i++) {
        assertEquals(expected[0][i], actual[i], 1e-6 * Math.max(1, Math.abs(expected[0][i])));
      }
      float[] d = gradient.read();
      for (int i = 0; i < d.length; i++) {
        assertEquals(expected[1][i], d[i], 2e-6, "gradient of logit " + i);
      }
    }
  }

  /**
   * Entropy, mean and arg max of rows beside their log-probabilities: vocabularies around vectors and the blocks of the
   * sums, logits of ±10,000 among them, equal maxima, of which the first is the arg max.
   */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 15, 16, 17, 33, 1601, 4095, 4096, 4097, 12301})
  void whatRowsOfLogitsSay(int vocabulary) {
    SplittableRandom random = new SplittableRandom(vocabulary);
    float[] scales = {0, 1, 5, 30, 1e4f};
    int rows = 4 * scales.length;
    float[] logits = new float[rows * vocabulary];
    int[] offsets = new int[rows + 1];
    int[] tokens = new int[2 * rows];
    for (int r = 0; r < rows; r++) {
      int at = r * vocabulary;
      for (int j = 0; j < vocabulary; j++) {
        logits[at + j] = scales[r % scales.length] * (float) random.nextDouble(-1, 1);
      }
      int first = random.nextInt(vocabulary);
      if (r % 2 == 0) { // the largest, once more or not
        float most = 1.01f * scales[r % scales.length];
        logits[at + first] = most;
        logits[at + random.nextInt(first, vocabulary)] = most;
      }
      offsets[r + 1] = 2 * (r + 1);
      tokens[2 * r] = first;
      tokens[2 * r + 1] = random.nextInt(vocabulary);
    }
    float[] one = seen(1, logits, vocabulary, offsets, tokens);
    assertArrayEquals(one, seen(3, logits, vocabulary, offsets, tokens), "depends on the number of threads");
    assertEquals(4 * tokens.length, one.length);
    for (int i = 0; i < tokens.length; i++) {
      int at = i / 2 * vocabulary;
      int top = 0;
      for (int j = 1; j < vocabulary; j++) {
        top = logits[at + j] > logits[at + top] ? j : top;
      }
      double sum = 0;
      double weighted = 0;
      double mean = 0;
      double size = 0;
      for (int j = 0; j < vocabulary; j++) {
        double d = (double) logits[at + j] - logits[at + top];
        sum += Math.exp(d);
        weighted += Math.exp(d) * d;
        mean += (double) logits[at + j] / vocabulary;
        size = Math.max(size, Math.abs(logits[at + j]));
      }
      String what = vocabulary + " logits, row " + i / 2;
      double logProb = (double) logits[at + tokens[i]] - logits[at + top] - Math.log(sum);
      assertEquals(logProb, one[i], 1e-6 * Math.max(1, Math.max(size, Math.abs(logProb))), what);
      assertEquals(Math.log(sum) - weighted / sum, one[tokens.length + i], 3e-6, "entropy of " + what);
      assertEquals(mean, one[2 * tokens.length + i], 1e-6 * Math.max(1, size), "mean of " + what);
      assertEquals(top == tokens[i] ? 1 : 0, one[3 * tokens.length + i], "arg max of " + what);
    }
  }

  private static float[] seen(int threads, float[] logits, int vocabulary, int[] offsets, int[] tokens) {
    try (Backend backend = Backend.cpu(threads);
        Graph graph = new Graph(backend, 20)) {
      Tensor in = graph.input(TensorType.F32, vocabulary, offsets.length - 1);
      Targets targets = new Targets(graph, offsets, tokens, null);
      Tensor out = graph.keep(new TrainingKernels(graph).logProbs(in, targets.offsets(), targets.tokens()));
      graph.allocate();
      in.write(logits);
      targets.write();
      graph.compute();
      return out.read();
    }
  }

  private static double[][] reference(float[] logits, int vocabulary, int[] offsets, int[] tokens, float[] weights) {
    double[] logProbs = new double[tokens.length];
    double[] gradient = new double[logits.length];
    for (int r = 0; r < offsets.length - 1; r++) {
      double max = Double.NEGATIVE_INFINITY;
      for (int j = 0; j < vocabulary; j++) {
        max = Math.max(max, logits[r * vocabulary + j]);
      }
      double sum = 0;
      for (int j = 0; j < vocabulary; j++) {
        sum += Math.exp(logits[r * vocabulary + j] - max);
      }
      for (int i = offsets[r]; i < offsets[r + 1]; i++) {
        logProbs[i] = logits[r * vocabulary + tokens[i]] - max - Math.log(sum);
        for (int j = 0; j < vocabulary; j++) {
          gradient[r * vocabulary + j] -= weights[i] * Math.exp(logits[r * vocabulary + j] - max) / sum;
        }
        gradient[r * vocabulary + tokens[i]] += weights[i];
      }
    }
    return new double[][] {logProbs, gradient};
  }

  @Test
  void shapesThatDoNotFitAreRefused() {
    try (Backend backend = Backend.cpu(1);
        Graph graph = new Graph(backend, 20)) {
      TrainingKernels kernels = new TrainingKernels(graph);
      Tensor a = graph.input(TensorType.F32, 4, 3);
      Tensor b = graph.input(TensorType.F32, 5, 3);
      assertThrows(IllegalArgumentException.class, () -> kernels.linear(a, b, null, false));
      assertThrows(IllegalArgumentException.class, () -> kernels.swiglu(a, b));
      assertThrows(IllegalArgumentException.class, () -> kernels.rmsNorm(a, b, 1e-5f));
      assertThrows(IllegalArgumentException.class, () -> graph.mulMat(a, b));
      assertThrows(IllegalArgumentException.class, () -> graph.add(a, b));
      assertThrows(IllegalArgumentException.class, () -> graph.reshape(a, 5, 2));
    }
  }
}
