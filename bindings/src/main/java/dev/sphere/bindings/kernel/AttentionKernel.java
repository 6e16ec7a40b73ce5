package dev.sphere.bindings.kernel;

import static java.lang.foreign.FunctionDescriptor.of;
import static java.lang.foreign.FunctionDescriptor.ofVoid;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.sphere.bindings.load.AbiConstants;
import dev.sphere.bindings.load.NativeCall;
import dev.sphere.bindings.load.NativeLibraries;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * libsphere's attention over a KV cache, which ggml's CPU backend uses in place of its own where the loaded ggml is the
 * version whose extension point is known (sphere_attention.h). With it a token's result does not depend on the size of
 * its micro-batch, and masked cells cost next to nothing.
 *
 * <p>It is installed when the libraries are loaded. The environment variable {@code SPHERE_ATTENTION=ggml} leaves
 * ggml's kernels in place.
 */
public final class AttentionKernel {
  private static final MethodHandle ENABLE = NativeLibraries.downcall("sphere_attention_enable", ofVoid(JAVA_INT));
  private static final MethodHandle TILES = NativeLibraries.downcall("sphere_tiles_enable", of(JAVA_INT, JAVA_INT));
  private static final MethodHandle COMPUTE =
      NativeLibraries.downcall(
          "sphere_attention",
          of(
              JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT,
              JAVA_FLOAT, ADDRESS));

  /**
   * Cells of a path that are summed up together. The sums of a path that is no longer are version 0.1.0's, to the bit; a
   * longer one's are joined block by block.
   */
  public static final int BLOCK = AbiConstants.SPHERE_ATTENTION_BLOCK;

  private AttentionKernel() {}

  /** Whether models are computed with it. */
  public static boolean installed() {
    return NativeLibraries.attention() > 0;
  }

  /**
   * Whether products with weights are libsphere's too, so that a token that is computed alone gets the bits that it gets in
   * company (with weights of every type, unless {@link Activations} leaves them to ggml); otherwise it needs a companion.
   */
  public static boolean oneRow() {
    return NativeLibraries.attention() > 1;
  }

  /** Has an installed kernel step aside, or come back, for comparisons; not while anything is computed. */
  public static void enable(boolean on) {
    if (!installed()) {
      return;
    }
    NativeCall.run(() -> { ENABLE.invokeExact(on ? 1 : 0); });
  }

  /**
   * Has products use the CPU's matrix unit (AMX), which is the default, or the vector units alone, for comparisons; not
   * while anything is computed.
   *
   * @return whether there is a matrix unit that this process may use ({@code SPHERE_AMX=off} keeps it from it)
   */
  public static boolean tiles(boolean on) {
    return NativeCall.of(() -> (int) TILES.invokeExact(on ? 1 : 0) != 0);
  }

  /**
   * The kernel itself, on this thread; whether it is installed or not.
   *
   * @param q [tokens x heads x head]
   * @param k [cells x kvHeads x head], F16 bits, as is {@code v}
   * @param mask [tokens x cells], F16 bits; -infinity for what a token does not see
   * @param head size of a head, a multiple of 16
   * @return [tokens x heads x head]
   */
  public static float[] compute(
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
      int status =
          (int)
              COMPUTE.invokeExact(
                  arena.allocateFrom(JAVA_FLOAT, q),
                  arena.allocateFrom(JAVA_SHORT, k),
                  arena.allocateFrom(JAVA_SHORT, v),
                  arena.allocateFrom(JAVA_SHORT, mask),
                  head,
                  tokens,
                  heads,
                  kvHeads,
                  cells,
                  scale,
                  out);
      if (status != 0) {
        throw new IllegalArgumentException(NativeCall.lastError());
      }
      return out.toArray(JAVA_FLOAT);
    } catch (Throwable e) {
      throw NativeCall.failed(e);
    }
  }
}
