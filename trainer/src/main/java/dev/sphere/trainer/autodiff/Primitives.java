package dev.sphere.trainer.autodiff;

import dev.sphere.bindings.tensor.Graph;
import dev.sphere.bindings.tensor.Tensor;
import dev.sphere.bindings.tensor.TensorType;

/** ggml's operations with their vector-Jacobian products. */
class Primitives {
  final Tape tape;
  final Graph graph;

  Primitives(Tape tape) {
    this.tape = tape;
    this.graph = tape.graph();
  }

  public Tape tape() {
    return tape;
  }

  /** a [k, m, p, q] times b [k, n, P, q], as [m, n, P, q]: each matrix of a serves P/p neighbouring matrices of b. */
  Value mulMat(Value a, Value b) {
    Graph.require(a.tensor().size(3) == b.tensor().size(3), "differentiable mulMat", a.tensor(), b.tensor());
    return tape.record(graph.mulMat(a.tensor(), b.tensor()), dy -> mulMatBack(a, b, dy), a, b);
  }

  /** db = aᵀ dy, da = b dyᵀ, from transposed copies. */
  final void mulMatBack(Value a, Value b, Tensor dy) {
    Tensor at = a.tensor();
    if (b.differentiable()) {
      tape.give(b, transposedProduct(at, dy));
    }
    if (a.differentiable()) {
      tape.give(a, sumNeighbours(graph.mulMat(transposed(b.tensor()), transposed(dy)), at.size(2)));
    }
  }

  /** aᵀ dy, for a of any type. */
  final Tensor transposedProduct(Tensor a, Tensor dy) {
    boolean blocks = a.type().blockSize() > 1;
    Tensor plain = a.type() == TensorType.F32 ? a : blocks ? graph.dequantize(a) : graph.cast(a, TensorType.F32);
    return graph.mulMat(transposed(plain), dy);
  }

  private Tensor transposed(Tensor a) {
    return graph.cont(graph.transpose(a));
  }

  /** [k, m, P, q] to [k, m, p, q]: sums of P/p neighbours along the third dimension. */
  private Tensor sumNeighbours(Tensor a, long wanted) {
    if (a.size(2) == wanted) {
      return a;
    }
    long matrix = a.size(0) * a.size(1);
    Tensor grouped = graph.reshape(a, matrix, a.size(2) / wanted, wanted, a.size(3));
    Tensor like = graph.slice(a, 0, matrix, 1, wanted, a.size(3));
    return graph.reshape(graph.repeatBack(grouped, like), a.size(0), a.size(1), wanted, a.size(3));
  }

  public Value add(Value a, Value b) {
    return tape.record(
        graph.add(a.tensor(), b.tensor()),
        dy -> {
          tape.give(a, dy);
          if (b.differentiable()) {
            tape.give(b, unrepeated(dy, b.tensor()));
          }
        },
        a,
        b);
  }

  public Value divide(Value a, Tensor constant) {
    return tape.record(graph.div(a.tensor(), constant), dy -> tape.give(a, graph.div(dy, constant)), a);
  }

  public Value mul(Value a, Value b) {
    return tape.record(
        graph.mul(a.tensor(), b.tensor()),
        dy -> {
          if (a.differentiable()) {
            tape.give(a, graph.mul(dy, b.tensor()));
          }
          if (b.differentiable()) {
            tape.give(b, unrepeated(graph.mul(dy, a.tensor()), b.tensor()));
          }
        },
        a,
        b);
  }

  private Tensor unrepeated(Tensor dy, Tensor like) {
    return dy.elements() == like.elements() ? dy : graph.repeatBack(dy, like);
  }

  public Value scale(Value a, float factor) {
    return tape.record(graph.scale(a.tensor(), factor), dy -> tape.give(a, graph.scale(dy, factor)), a);
  }

  public Value relu(Value a) {
    return tape.record(
        graph.relu(a.tensor()), dy -> tape.give(a, graph.mul(dy, graph.step(a.tensor()))), a);
  }

  public Value reshape(Value a, long... shape) {
    return tape.record(
        graph.reshape(a.tensor(), shape), dy -> tape.give(a, graph.reshape(dy, a.tensor().shape())), a);
  }
}
