package dev.sphere.bindings.kernel;

import static java.lang.foreign.FunctionDescriptor.of;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.bindings.load.NativeCall;
import dev.sphere.bindings.load.NativeLibraries;
import dev.sphere.bindings.load.NativeRuntime;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The attention kernel against sums in double precision, and its promise: only the visible cells count. */
class AttentionKernelTest {
  private static final short HIDDEN = (short) 0xFC00;
  private static final MethodHandle ATTENTION =
      NativeLibraries.downcall(
          "sphere_attention",
          of(
              JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT,
              JAVA_FLOAT, ADDRESS));

  /**
   * The kernel itself, on this thread; whether it is installed or not.
   *
   * @param q [tokens x heads x head]
   * @param k [cells x kvHeads x head], F16 bits, as is {@code v}
   * @param mask [tokens x cells], F16 bits; -infinity for what a token does not see
   * @param head size of a head, a multiple of 16
   * @return [tokens x heads x head]
   */
  private static float[] kernel(
      float[] q, short[] k, short[] v, short[] mask, int head, int tokens, int heads, int kvHeads, float scale) {
    if (head < 1 || tokens < 1 || heads < 1 || kvHeads < 1) {
      throw new IllegalArgumentException("head, tokens, heads and kvHeads must be positive: " + head + ", " + tokens
          + ", " + heads + ", " + kvHeads);
    }
    int cells = mask.length / tokens;
    long query = (long) tokens * heads; // times head it may need 64 bits and more: so divide
    long key = (long) cells * kvHeads;
    if (q.length % head != 0 || q.length / head != query || k.length % head != 0 || k.length / head != key
        || v.length != k.length || mask.length != (long) cells * tokens) {
      throw new IllegalArgumentException("the arrays' lengths do not fit the sizes");
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_FLOAT, q.length);
      int status = (int) ATTENTION.invokeExact(
          arena.allocateFrom(JAVA_FLOAT, q), arena.allocateFrom(JAVA_SHORT, k), arena.allocateFrom(JAVA_SHORT, v),
          arena.allocateFrom(JAVA_SHORT, mask), head, tokens, heads, kvHeads, cells, scale, out);
      if (status != 0) {
        throw new IllegalArgumentException(NativeCall.lastError());
      }
      return out.toArray(JAVA_FLOAT);
    } catch (Throwable e) {
      throw NativeCall.failed(e);
    }
  }

  /** Sizes and arrays of a case. */
  private record Case(
      int head, int tokens, int heads, int kvHeads, int cells, float[] q, short[] k, short[] v, short[] mask) {
    static Case random(int head, int tokens, int heads, int kvHeads, int cells, double visible, boolean biased) {
      Random random = new Random(head * 31L + cells);
      float[] q = new float[tokens * heads * head];
      short[] k = new short[cells * kvHeads * head];
      short[] v = new short[k.length];
      short[] mask = new short[tokens * cells];
      for (int i = 0; i < q.length; i++) {
        q[i] = (float) random.nextGaussian();
      }
      for (int i = 0; i < k.length; i++) {
        k[i] = Float.floatToFloat16((float) random.nextGaussian());
        v[i] = Float.floatToFloat16((float) random.nextGaussian());
      }
      for (int i = 0; i < mask.length; i++) {
        short seen = biased ? Float.floatToFloat16(-(float) random.nextDouble() * 3) : 0;
        mask[i] = random.nextDouble() < visible ? seen : HIDDEN;
      }
      return new Case(head, tokens, heads, kvHeads, cells, q, k, v, mask);
    }

    float[] compute() {
      return kernel(q, k, v, mask, head, tokens, heads, kvHeads, 0.125f);
    }

    double[] reference() {
      double[] out = new double[q.length];
      for (int t = 0; t < tokens; t++) {
        for (int h = 0; h < heads; h++) {
          int kv = h / (heads / kvHeads);
          int row = (t * heads + h) * head;
          double sum = 0;
          for (int c = 0; c < cells; c++) {
            if (mask[t * cells + c] == HIDDEN) {
              continue;
            }
            double score = 0;
            for (int d = 0; d < head; d++) {
              score += (double) q[row + d] * Float.float16ToFloat(k[(c * kvHeads + kv) * head + d]);
            }
            double weight = Math.exp(score * 0.125 + Float.float16ToFloat(mask[t * cells + c]));
            sum += weight;
            for (int d = 0; d < head; d++) {
              out[row + d] += weight * Float.float16ToFloat(v[(c * kvHeads + kv) * head + d]);
            }
          }
          for (int d = 0; d < head && sum > 0; d++) {
            out[row + d] /= sum;
          }
        }
      }
      return out;
    }
  }

  @ParameterizedTest
  @CsvSource({
    "16, 3, 1, 1, 1, 1, false", "64, 5, 3, 1, 37, 0.5, false", "64, 7, 14, 2, 1000, 0.1, false",
    "128, 3, 32, 8, 333, 0.9, false", "80, 4, 8, 8, 64, 0.3, true", "256, 2, 10, 1, 100, 0.5, true",
    "48, 9, 9, 3, 15, 0.5, false", "64, 9, 14, 2, 1200, 0.97, false", "16, 5, 12, 1, 1100, 1, true", "32, 2, 6, 2, 2048, 1, false", "96, 2, 4, 4, 17, 0.01, false"
  })
  void equalsSumsInDoublePrecision(
      int head, int tokens, int heads, int kvHeads, int cells, double visible, boolean biased) {
    Case c = Case.random(head, tokens, heads, kvHeads, cells, visible, biased);
    double[] expected = c.reference();
    float[] found = c.compute();
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], found[i], 5e-6, "element " + i);
    }
  }

  /** The same visible cells, spread over a cache of ten times the size among others that are NaN. */
  @Test
  void sizesThatDoNotFitAreRefused() {
    float[] q = new float[16];
    short[] kv = new short[16];
    short[] mask = new short[1];
    kernel(q, kv, kv, mask, 16, 1, 1, 1, 1f);
    int[][] sizes = {
      {16, 0, 1, 1}, {0, 1, 1, 1}, {16, 1, 0, 1}, {16, 1, 1, 0}, {-16, 1, 1, 1}, {16, 2, 1, 1}, {16, 1, 2, 1},
      {16, 1, 1 << 28, 1}, {16, 1, (1 << 28) + 1, 1}, {16, 1, 1, (1 << 28) + 1}, // 1 in 32 bits
    };
    for (int[] s : sizes) {
      assertThrows(IllegalArgumentException.class,
          () -> kernel(q, kv, kv, mask, s[0], s[1], s[2], s[3], 1f), () -> Arrays.toString(s));
    }
  }

  @Test
  void whatStandsBetweenTheVisibleCellsDoesNotCount() {
    Case dense = Case.random(64, 4, 6, 2, 50, 1, false);
    int cells = 500;
    int row = 2 * 64;
    short[] k = new short[cells * row];
    Arrays.fill(k, Float.floatToFloat16(Float.NaN));
    short[] v = k.clone();
    short[] mask = new short[4 * cells];
    Arrays.fill(mask, HIDDEN);
    Random random = new Random(1);
    int cell = 0;
    for (int i = 0; i < 50; i++) {
      cell += 1 + random.nextInt(9);
      System.arraycopy(dense.k, i * row, k, cell * row, row);
      System.arraycopy(dense.v, i * row, v, cell * row, row);
      for (int t = 0; t < 4; t++) {
        mask[t * cells + cell] = 0;
      }
    }
    assertArrayEquals(dense.compute(), new Case(64, 4, 6, 2, cells, dense.q, k, v, mask).compute(), 0f);
  }

  /** What is not a number must come out as such: an error further on names it. */
  @Test
  void nanIsNotLost() {
    Case c = Case.random(64, 1, 2, 1, 40, 1, false);
    c.k[17 * 64 + 5] = Float.floatToFloat16(Float.NaN);
    for (float x : c.compute()) {
      assertTrue(Float.isNaN(x));
    }
    Case value = Case.random(64, 1, 2, 1, 40, 1, false);
    value.v[17 * 64 + 5] = Float.floatToFloat16(Float.NaN);
    float[] out = value.compute();
    assertTrue(Float.isNaN(out[5]) && Float.isNaN(out[64 + 5]));
    assertTrue(!Float.isNaN(out[4]));
  }

  @Test
  void thePinnedLlamaCppUsesIt() {
    if ("0.5.0".equals(NativeRuntime.status().llamaVersion()) && System.getenv("SPHERE_ATTENTION") == null) {
      assertTrue(AttentionKernel.installed());
    }
  }
}
