package dev.sphere.bindings.tensor;

import static dev.sphere.bindings.tensor.TensorOps.require;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.sphere.bindings.load.AbiConstants;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;

/** ggml's operations that the product leaves to libsphere's kernels, as the reference of those kernels' tests. */
public final class PlainTransformerOps {
  private static final MethodHandle SUB = binary("ggml_sub");
  private static final MethodHandle SILU = Ggml.of("ggml_silu", FunctionDescriptor.of(ADDRESS, ADDRESS, ADDRESS));
  private static final MethodHandle SILU_BACK = binary("ggml_silu_back");
  private static final MethodHandle GET_ROWS_BACK =
      Ggml.of("ggml_get_rows_back", FunctionDescriptor.of(ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS));
  private static final MethodHandle RMS_NORM =
      Ggml.of("ggml_rms_norm", FunctionDescriptor.of(ADDRESS, ADDRESS, ADDRESS, JAVA_FLOAT));
  private static final MethodHandle RMS_NORM_BACK =
      Ggml.of("ggml_rms_norm_back", FunctionDescriptor.of(ADDRESS, ADDRESS, ADDRESS, ADDRESS, JAVA_FLOAT));
  private static final MethodHandle SOFT_MAX_BACK = Ggml.of("ggml_soft_max_ext_back",
      FunctionDescriptor.of(ADDRESS, ADDRESS, ADDRESS, ADDRESS, JAVA_FLOAT, JAVA_FLOAT));
  private static final MethodHandle ROPE = rope("ggml_rope_ext");
  private static final MethodHandle ROPE_BACK = rope("ggml_rope_ext_back");
  private static final MethodHandle PERMUTE =
      Ggml.of("ggml_permute", FunctionDescriptor.of(ADDRESS, ADDRESS, ADDRESS, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT));

  private final Graph graph;

  public PlainTransformerOps(Graph graph) {
    this.graph = graph;
  }

  private static MethodHandle binary(String symbol) {
    return Ggml.of(symbol, FunctionDescriptor.of(ADDRESS, ADDRESS, ADDRESS, ADDRESS));
  }

  /** (ctx, a, positions, freq_factors, n_dims, mode, n_ctx_orig, base, scale, ext, attn, beta_fast, beta_slow). */
  private static MethodHandle rope(String symbol) {
    return Ggml.of(symbol, FunctionDescriptor.of(ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS, JAVA_INT, JAVA_INT,
        JAVA_INT, JAVA_FLOAT, JAVA_FLOAT, JAVA_FLOAT, JAVA_FLOAT, JAVA_FLOAT, JAVA_FLOAT));
  }

  public Tensor sub(Tensor a, Tensor b) {
    return graph.binary(SUB, a, b);
  }

  /** The view in which dimension i of a becomes dimension {@code axes[i]}. */
  public Tensor permute(Tensor a, int... axes) {
    return graph.node(() ->
        (MemorySegment) PERMUTE.invokeExact(graph.context(), a.handle(), axes[0], axes[1], axes[2], axes[3]));
  }

  /** Row i of {@code grad} added to row {@code rows[i]} of zeros shaped like table. */
  public Tensor getRowsBack(Tensor grad, Tensor rows, Tensor table) {
    return graph.node(() -> (MemorySegment) GET_ROWS_BACK.invokeExact(
        graph.context(), grad.handle(), rows.handle(), table.handle()));
  }

  /** Divides each row by the root of (its mean square + eps). */
  public Tensor rmsNorm(Tensor a, float eps) {
    return graph.node(() -> (MemorySegment) RMS_NORM.invokeExact(graph.context(), a.handle(), eps));
  }

  public Tensor rmsNormBack(Tensor grad, Tensor a, float eps) {
    requireSame("rmsNormBack", grad, a);
    return graph.node(() -> (MemorySegment) RMS_NORM_BACK.invokeExact(graph.context(), grad.handle(), a.handle(), eps));
  }

  /** a · sigmoid(a). */
  public Tensor silu(Tensor a) {
    return graph.unary(SILU, a);
  }

  public Tensor siluBack(Tensor grad, Tensor a) {
    requireSame("siluBack", grad, a);
    return graph.binary(SILU_BACK, grad, a);
  }

  /** softmax over each row of scale · a + mask; mask [a.size(0), a.size(1), 1, a.size(3)]. */
  public Tensor softMax(Tensor a, Tensor mask, float scale) {
    require(mask.size(0) == a.size(0) && mask.size(1) >= a.size(1) && a.size(2) % mask.size(2) == 0
        && a.size(3) % mask.size(3) == 0, "softMax", a, mask);
    return graph.node(() ->
        (MemorySegment) Ggml.SOFT_MAX_EXT.invokeExact(graph.context(), a.handle(), mask.handle(), scale, 0f));
  }

  public Tensor softMaxBack(Tensor grad, Tensor probabilities, float scale) {
    requireSame("softMaxBack", grad, probabilities);
    return graph.node(() -> (MemorySegment) SOFT_MAX_BACK.invokeExact(
        graph.context(), grad.handle(), probabilities.handle(), scale, 0f));
  }

  /**
   * Rotary position embedding.
   *
   * @param a [head size, heads, tokens, groups]
   * @param positions I32 [tokens]
   * @param factors F32 [dimensions / 2] that divide the frequencies, or null
   */
  public Tensor rope(Tensor a, Tensor positions, Tensor factors, Rope settings) {
    return rope(ROPE, a, positions, factors, settings);
  }

  /** The rotation backwards. */
  public Tensor ropeBack(Tensor grad, Tensor positions, Tensor factors, Rope settings) {
    return rope(ROPE_BACK, grad, positions, factors, settings);
  }

  private Tensor rope(MethodHandle handle, Tensor a, Tensor positions, Tensor factors, Rope r) {
    MemorySegment f = factors == null ? MemorySegment.NULL : factors.handle();
    int mode = r.neox() ? AbiConstants.GGML_ROPE_TYPE_NEOX : AbiConstants.GGML_ROPE_TYPE_NORMAL;
    return graph.node(() -> (MemorySegment) handle.invokeExact(graph.context(), a.handle(), positions.handle(), f,
        r.dimensions(), mode, r.originalContext(), r.base(), r.scale(), r.extension(), r.attention(), r.betaFast(),
        r.betaSlow()));
  }

  private static void requireSame(String what, Tensor a, Tensor b) {
    require(Arrays.equals(a.shape(), b.shape()), what, a, b);
  }
}
