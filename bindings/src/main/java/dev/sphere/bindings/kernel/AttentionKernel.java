package dev.sphere.bindings.kernel;

import static java.lang.foreign.FunctionDescriptor.of;
import static java.lang.foreign.FunctionDescriptor.ofVoid;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.sphere.bindings.load.AbiConstants;
import dev.sphere.bindings.load.NativeCall;
import dev.sphere.bindings.load.NativeLibraries;
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

  /** Cells of a path that are summed up together. The sums of a longer path are joined block by block. */
  public static final int BLOCK = AbiConstants.SPHERE_ATTENTION_BLOCK;

  private AttentionKernel() {}

  /** Whether models are computed with it. */
  public static boolean installed() {
    return NativeLibraries.attention() > 0;
  }

  /**
   * Whether products with weights are libsphere's too, so that a token that is computed alone gets the bits that it
   * gets in company (with weights of every type, unless {@link Activations} leaves them to ggml); otherwise it needs a
   * companion.
   */
  public static boolean oneRow() {
    return NativeLibraries.attention() > 1;
  }

  /** Turns an installed kernel off or on, for comparisons; not while anything is computed. */
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
}
