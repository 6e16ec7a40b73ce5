package dev.sphere.bindings.tensor;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.sphere.bindings.load.NativeCall;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;

/**
 * libsphere's training kernels as nodes of a graph on the CPU (native/include/sphere_train.h). Tensors are contiguous
 * F32 unless another type is named; an {@code into} tensor is added to in place. Results do not depend on the number of
 * threads. Shapes that don't fit give an IllegalArgumentException.
 */
public final class TrainingKernels {
  private static final MethodHandle LINEAR = op("sphere_op_linear", 3, JAVA_INT);
  private static final MethodHandle LINEAR_DX = op("sphere_op_linear_dx", 3, JAVA_INT);
  private static final MethodHandle LINEAR_DW = op("sphere_op_linear_dw", 3, JAVA_INT);
  private static final MethodHandle SUM_ROWS = op("sphere_op_sum_rows", 2);
  private static final MethodHandle RMS_NORM = op("sphere_op_rms_norm", 2, JAVA_FLOAT);
  private static final MethodHandle RMS_NORM_DX = op("sphere_op_rms_norm_dx", 4, JAVA_FLOAT);
  private static final MethodHandle RMS_NORM_DW = op("sphere_op_rms_norm_dw", 3, JAVA_FLOAT);
  private static final MethodHandle SWIGLU = op("sphere_op_swiglu", 2);
  private static final MethodHandle SWIGLU_BACK = op("sphere_op_swiglu_back", 3);
  private static final MethodHandle SCATTER = op("sphere_op_scatter", 3);
  private static final MethodHandle SCATTER_NEW = op("sphere_op_scatter_new", 2, JAVA_LONG);
  private static final MethodHandle ROPE_TABLE =
      op("sphere_op_rope_table", 2, JAVA_INT, JAVA_FLOAT, JAVA_FLOAT, JAVA_FLOAT, JAVA_FLOAT, JAVA_INT, JAVA_INT);
  private static final MethodHandle ATTENTION = op("sphere_op_attention", 5, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT);
  private static final MethodHandle ATTENTION_BACK =
      op("sphere_op_attention_back", 6, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT);
  private static final MethodHandle LOG_PROBS = op("sphere_op_log_probs", 3);
  private static final MethodHandle LOG_PROBS_BACK = op("sphere_op_log_probs_back", 5);

  private static final MethodHandle HAS_BF16 = Ggml.of("sphere_has_bf16_products", FunctionDescriptor.of(JAVA_LONG));

  private final Graph graph;

  /** Kernels that add their nodes to {@code graph}, whose backend must be the CPU. */
  public TrainingKernels(Graph graph) {
    this.graph = graph;
  }

  /** (ctx, tensors ..., settings ...) to a tensor. */
  private static MethodHandle op(String symbol, int tensors, MemoryLayout... settings) {
    MemoryLayout[] pointers = new MemoryLayout[tensors + 1];
    Arrays.fill(pointers, ADDRESS);
    return Ggml.of(symbol, FunctionDescriptor.of(ADDRESS, pointers).appendArgumentLayouts(settings));
  }

  private Tensor node(NativeCall.Call<MemorySegment> call) {
    return graph.node(() -> {
      MemorySegment pointer = call.call();
      if (pointer.address() == 0) {
        throw new IllegalArgumentException(NativeCall.lastError());
      }
      return pointer;
    });
  }

  private MemorySegment ctx() {
    return graph.context();
  }

  private static MemorySegment at(Tensor tensor) {
    return tensor == null ? MemorySegment.NULL : tensor.handle();
  }

  /** Whether this CPU multiplies BF16 faster than F32, so that the products below may be asked to. */
  public static boolean hasBf16() {
    return NativeCall.of(() -> (long) HAS_BF16.invokeExact() != 0);
  }

  /**
   * weight [in, out] · x [in, n] + bias [out] (or null) = [out, n].
   *
   * @param weight of any type; what is neither F32 nor BF16 is turned into floats on the way
   * @param bf16 rounds the factors to BF16, sums in F32
   */
  public Tensor linear(Tensor weight, Tensor x, Tensor bias, boolean bf16) {
    int half = bf16 ? 1 : 0;
    return node(() -> (MemorySegment) LINEAR.invokeExact(ctx(), at(weight), at(x), at(bias), half));
  }

  /** The gradient of {@link #linear}'s x; the weight may be of any type; {@code into} may be null. */
  public Tensor linearDx(Tensor weight, Tensor dy, Tensor into, boolean bf16) {
    int half = bf16 ? 1 : 0;
    return node(() -> (MemorySegment) LINEAR_DX.invokeExact(ctx(), at(weight), at(dy), at(into), half));
  }

  /** into += the gradient of {@link #linear}'s weight. */
  public Tensor linearDw(Tensor x, Tensor dy, Tensor into, boolean bf16) {
    int half = bf16 ? 1 : 0;
    return node(() -> (MemorySegment) LINEAR_DW.invokeExact(ctx(), at(x), at(dy), at(into), half));
  }

  /** into [out] += dy [out, n] summed over n. */
  public Tensor sumRows(Tensor dy, Tensor into) {
    return node(() -> (MemorySegment) SUM_ROWS.invokeExact(ctx(), at(dy), at(into)));
  }

  /** x [width, n] over its rows' root mean square, times weight [width]. */
  public Tensor rmsNorm(Tensor x, Tensor weight, float eps) {
    return node(() -> (MemorySegment) RMS_NORM.invokeExact(ctx(), at(x), at(weight), eps));
  }

  /** The gradient of {@link #rmsNorm}'s x; {@code into} may be null. */
  public Tensor rmsNormDx(Tensor x, Tensor weight, Tensor dy, Tensor into, float eps) {
    return node(() -> (MemorySegment) RMS_NORM_DX.invokeExact(ctx(), at(x), at(weight), at(dy), at(into), eps));
  }

  /** into += the gradient of {@link #rmsNorm}'s weight. */
  public Tensor rmsNormDw(Tensor x, Tensor dy, Tensor into, float eps) {
    return node(() -> (MemorySegment) RMS_NORM_DW.invokeExact(ctx(), at(x), at(dy), at(into), eps));
  }

  /** silu(gate) ⊙ up. */
  public Tensor swiglu(Tensor gate, Tensor up) {
    return node(() -> (MemorySegment) SWIGLU.invokeExact(ctx(), at(gate), at(up)));
  }

  /** The gradients of {@link #swiglu} as [f, n, 2]: gate's, then up's. */
  public Tensor swigluBack(Tensor gate, Tensor up, Tensor dy) {
    return node(() -> (MemorySegment) SWIGLU_BACK.invokeExact(ctx(), at(gate), at(up), at(dy)));
  }

  /** Rows of dy [width, count] added to rows {@code rows} (I32) of into [width, n]. */
  public Tensor scatter(Tensor dy, Tensor rows, Tensor into) {
    return node(() -> (MemorySegment) SCATTER.invokeExact(ctx(), at(dy), at(rows), at(into)));
  }

  /** Rows of dy [width, count] added to rows {@code rows} (I32) of zeros [width, n]. */
  public Tensor scatterNew(Tensor dy, Tensor rows, long n) {
    return node(() -> (MemorySegment) SCATTER_NEW.invokeExact(ctx(), at(dy), at(rows), n));
  }

  /** Cosines and sines of every slot's rotary angles, [dimensions, n]; factors may be null. */
  public Tensor ropeTable(Tensor positions, Tensor factors, Rope rope) {
    return node(() ->
        (MemorySegment) ROPE_TABLE.invokeExact(
            ctx(), at(positions), at(factors), rope.dimensions(), rope.base(), rope.scale(), rope.extension(),
            rope.attention(), rope.low(), rope.high()));
  }

  /**
   * Rotary embedding and attention of every slot to itself and its ancestors.
   *
   * @param q [head size · heads, n]
   * @param k [head size · kv heads, n]
   * @param v [head size · kv heads, n]
   * @param table from {@link #ropeTable}
   * @param parents I32 [n], within groups of {@code slots}; negative for none
   * @param half whether products may round their factors to BF16
   */
  public Tensor attention(Tensor q, Tensor k, Tensor v, Tensor table, Tensor parents, int headSize, int slots,
      boolean neox, boolean half) {
    int pairing = neox ? 1 : 0;
    int bf16 = half ? 1 : 0;
    return node(() ->
        (MemorySegment) ATTENTION.invokeExact(
            ctx(), at(q), at(k), at(v), at(table), at(parents), headSize, slots, pairing, bf16));
  }

  /** The gradients of {@link #attention} one after the other in one tensor: q's, k's, v's. */
  public Tensor attentionBack(Tensor q, Tensor k, Tensor v, Tensor table, Tensor parents, Tensor dy, int headSize,
      int slots, boolean neox, boolean half) {
    int pairing = neox ? 1 : 0;
    int bf16 = half ? 1 : 0;
    return node(() ->
        (MemorySegment) ATTENTION_BACK.invokeExact(
            ctx(), at(q), at(k), at(v), at(table), at(parents), at(dy), headSize, slots, pairing, bf16));
  }

  /**
   * Tokens under logits [vocabulary, rows]; row r owns offsets[r] .. offsets[r+1] - 1.
   *
   * @return [count, 4], for each token: its log-probability; the entropy of its row's softmax, in nats; the mean of its
   *     row's logits; 1 where it is the row's arg max (the first of equal ones), else 0
   */
  public Tensor logProbs(Tensor logits, Tensor offsets, Tensor tokens) {
    return node(() -> (MemorySegment) LOG_PROBS.invokeExact(ctx(), at(logits), at(offsets), at(tokens)));
  }

  /**
   * Turns the logits in place into the gradient of Σ weights[i] · logProbs[i]; logProbs is what {@link #logProbs} gave.
   */
  public Tensor logProbsBack(Tensor logits, Tensor offsets, Tensor tokens, Tensor weights, Tensor logProbs) {
    return node(() ->
        (MemorySegment) LOG_PROBS_BACK.invokeExact(
            ctx(), at(logits), at(offsets), at(tokens), at(weights), at(logProbs)));
  }
}
