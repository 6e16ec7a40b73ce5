package dev.sphere.bindings.tensor;

import dev.sphere.bindings.load.NativeCall;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;

/**
 * ggml's elementary operations: arithmetic, layout, rows. Each adds one node to the graph and returns the tensor that
 * it will hold. Shapes are checked, with an IllegalArgumentException, since ggml ends the process on a mismatch.
 */
public abstract sealed class TensorOps permits Graph {
  TensorOps() {}

  /** Counts one more tensor; ggml ends the process when its context is full, so this says so first. */
  abstract void reserve();

  /** The ggml_context that describes the nodes. */
  abstract MemorySegment context();

  /** The tensor that ggml made. */
  abstract Tensor made(MemorySegment pointer);

  // ---- products and sums ----

  /**
   * Matrix product over the contiguous dimension: a [k, m, p, q], b [k, n, P, Q] gives [m, n, P, Q] in F32, where p and
   * q divide P and Q (each matrix of a serves P/p neighbouring ones of b).
   */
  public Tensor mulMat(Tensor a, Tensor b) {
    require(
        a.size(0) == b.size(0) && b.size(2) % a.size(2) == 0 && b.size(3) % a.size(3) == 0
            && b.type() == TensorType.F32,
        "mulMat", a, b);
    require(a.stride(0) == a.type().bytes(a.type().blockSize()) && a.stride(1) >= a.stride(0), "mulMat", a, b);
    return binary(Ggml.MUL_MAT, a, b);
  }

  /** a + b, where b is repeated to a's shape if need be. */
  public Tensor add(Tensor a, Tensor b) {
    requireRepeats("add", b, a);
    return binary(Ggml.ADD, a, b);
  }

  /** a += b in a's memory, where b is repeated to a's shape if need be. */
  public Tensor addInPlace(Tensor a, Tensor b) {
    requireRepeats("addInPlace", b, a);
    return binary(Ggml.ADD_INPLACE, a, b);
  }

  /** a ⊙ b, where b is repeated to a's shape if need be. */
  public Tensor mul(Tensor a, Tensor b) {
    requireRepeats("mul", b, a);
    return binary(Ggml.MUL, a, b);
  }

  /** a / b, element by element, where b is repeated to a's shape if need be. */
  public Tensor div(Tensor a, Tensor b) {
    requireRepeats("div", b, a);
    return binary(Ggml.DIV, a, b);
  }

  /** factor · a. */
  public Tensor scale(Tensor a, float factor) {
    require(a.type() == TensorType.F32, "scale", a);
    return node(() -> (MemorySegment) Ggml.SCALE.invokeExact(context(), a.handle(), factor));
  }

  /** Natural logarithm of each element. */
  public Tensor log(Tensor a) {
    require(a.type() == TensorType.F32, "log", a);
    return unary(Ggml.LOG, a);
  }

  /** Square root of each element. */
  public Tensor sqrt(Tensor a) {
    require(a.type() == TensorType.F32, "sqrt", a);
    return unary(Ggml.SQRT, a);
  }

  /** max(0, a) of each element. */
  public Tensor relu(Tensor a) {
    require(a.type() == TensorType.F32, "relu", a);
    return unary(Ggml.RELU, a);
  }

  /** 1 where an element is above 0, else 0: relu's derivative. */
  public Tensor step(Tensor a) {
    require(a.type() == TensorType.F32, "step", a);
    return unary(Ggml.STEP, a);
  }

  /** softmax over each row. */
  public Tensor softMax(Tensor a) {
    return node(() -> (MemorySegment) Ggml.SOFT_MAX_EXT.invokeExact(context(), a.handle(), MemorySegment.NULL, 1f, 0f));
  }

  /** a summed over all of its repetitions of {@code like}'s shape: the adjoint of repeating. */
  public Tensor repeatBack(Tensor a, Tensor like) {
    requireRepeats("repeatBack", like, a);
    return binary(Ggml.REPEAT_BACK, a, like);
  }

  /** The sum of each row: [n, m, ...] to [1, m, ...]. */
  public Tensor sumRows(Tensor a) {
    require(a.type() == TensorType.F32, "sumRows", a);
    return unary(Ggml.SUM_ROWS, a);
  }

  // ---- layout ----

  /** A contiguous copy. */
  public Tensor cont(Tensor a) {
    return unary(Ggml.CONT, a);
  }

  /** a's elements converted to another type. */
  public Tensor cast(Tensor a, TensorType type) {
    return node(() -> (MemorySegment) Ggml.CAST.invokeExact(context(), a.handle(), type.id()));
  }

  /**
   * A matrix [k, n] of any type as F32: all of its rows by number, n at most 2^24. {@link #cast} reads K-quants on the
   * CPU's backend alone.
   */
  public Tensor dequantize(Tensor a) {
    require(a.size(1) <= 1 << 24, "dequantize", a);
    Tensor numbers = node(() -> (MemorySegment) Ggml.ARANGE.invokeExact(context(), 0f, (float) a.size(1), 1f));
    return getRows(a, cast(numbers, TensorType.I32));
  }

  /** Copies a's elements into {@code target}'s memory (same number of elements) and returns it as a node. */
  public Tensor copy(Tensor a, Tensor target) {
    require(a.elements() == target.elements(), "copy", a, target);
    return binary(Ggml.CPY, a, target);
  }

  /** The view with the first two dimensions swapped. */
  public Tensor transpose(Tensor a) {
    return unary(Ggml.TRANSPOSE, a);
  }

  /** A view of a contiguous tensor's elements under another shape. */
  public Tensor reshape(Tensor a, long... shape) {
    long[] ne = {1, 1, 1, 1};
    System.arraycopy(shape, 0, ne, 0, shape.length);
    if (!a.isContiguous() || ne[0] * ne[1] * ne[2] * ne[3] != a.elements()) {
      throw new IllegalArgumentException("reshape of " + a + " to " + Arrays.toString(shape));
    }
    return node(() -> (MemorySegment) Ggml.RESHAPE.invokeExact(context(), a.handle(), ne[0], ne[1], ne[2], ne[3]));
  }

  /** Contiguous elements {@code from .. from + product(shape)} of a contiguous tensor, as a view of the given shape. */
  public Tensor slice(Tensor a, long from, long... shape) {
    long[] ne = {1, 1, 1, 1};
    System.arraycopy(shape, 0, ne, 0, shape.length);
    long length = ne[0] * ne[1] * ne[2] * ne[3];
    if (!a.isContiguous() || from < 0 || from + length > a.elements()) {
      throw new IllegalArgumentException("slice of " + length + " elements from " + from + " of " + a);
    }
    long nb1 = a.type().bytes(ne[0]);
    long offset = a.type().bytes(from);
    return node(() ->
        (MemorySegment) Ggml.VIEW.invokeExact(context(), a.handle(), ne[0], ne[1], ne[2], ne[3], nb1, nb1 * ne[1],
            nb1 * ne[1] * ne[2], offset));
  }

  // ---- rows ----

  /** Rows {@code rows[i]} (I32 vector) of a [k, n], as F32 [k, count]. Indices must lie in 0..n-1. */
  public Tensor getRows(Tensor a, Tensor rows) {
    require(rows.type() == TensorType.I32 && rows.rows() == 1 && a.size(2) == 1 && a.size(3) == 1, "getRows", a, rows);
    return binary(Ggml.GET_ROWS, a, rows);
  }

  // ---- plumbing ----

  /** Adds the node that a call of ggml makes. */
  Tensor node(NativeCall.Call<MemorySegment> call) {
    reserve();
    return made(NativeCall.of(call));
  }

  Tensor unary(MethodHandle handle, Tensor a) {
    return node(() -> (MemorySegment) handle.invokeExact(context(), a.handle()));
  }

  Tensor binary(MethodHandle handle, Tensor a, Tensor b) {
    return node(() -> (MemorySegment) handle.invokeExact(context(), a.handle(), b.handle()));
  }

  /** Throws an IllegalArgumentException that names the operation and its tensors, unless the condition holds. */
  public static void require(boolean condition, String what, Tensor... tensors) {
    if (!condition) {
      throw new IllegalArgumentException(what + " cannot take these tensors: " + Arrays.toString(tensors));
    }
  }

  private static void requireRepeats(String what, Tensor small, Tensor large) {
    boolean repeats = small.type() == TensorType.F32 && large.type() == TensorType.F32;
    for (int i = 0; i < 4; i++) {
      repeats &= large.size(i) % small.size(i) == 0;
    }
    require(repeats, what, large, small);
  }
}
