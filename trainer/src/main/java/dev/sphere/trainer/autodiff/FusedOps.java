package dev.sphere.trainer.autodiff;

import dev.sphere.bindings.tensor.Tensor;
import dev.sphere.bindings.tensor.TensorType;
import dev.sphere.bindings.tensor.TrainingKernels;

/**
 * A transformer's operations on libsphere's kernels: attention whose scores never leave the cache, gradients that are
 * added in place. On a backend without libsphere's matrix products ({@link
 * dev.sphere.bindings.tensor.Backend#offersProducts}) ggml multiplies.
 */
public final class FusedOps extends Primitives implements Ops {
  private final TrainingKernels kernels;
  private final MatmulPrecision products;
  private final boolean ownProducts;
  private final boolean halfActivations;

  /**
   * @param halfActivations whether SwiGLU keeps its inputs in BF16 for the backward pass, and attention may round its
   *     factors to BF16; without effect where ggml multiplies
   */
  public FusedOps(Tape tape, MatmulPrecision products, boolean halfActivations) {
    super(tape);
    this.kernels = new TrainingKernels(graph);
    this.products = products;
    this.ownProducts = graph.backend().offersProducts();
    this.halfActivations = halfActivations && ownProducts;
  }

  @Override
  public Value linear(Value weight, Value x) {
    if (!ownProducts) {
      return mulMat(weight, x);
    }
    return tape.record(product(weight.tensor(), x.tensor()), dy -> linearBack(weight, x, dy), weight, x);
  }

  private Tensor product(Tensor weight, Tensor x) {
    if (!ownProducts || products.forwardByGgml(weight.type())) {
      return graph.mulMat(weight, x);
    }
    return kernels.linear(weight, x, null, products.half(weight.type()));
  }

  /**
   * Adds in place with the kernel for weight gradients, which sums outer products: y [out, n] += weightᵀ [out, rank] ·
   * xᵀ [n, rank]. Transposing an adapter's thin factors costs less than writing and reading y once more.
   */
  @Override
  public Value addLinear(Value y, Value weight, Value x) {
    if (!ownProducts) {
      return add(y, mulMat(weight, x));
    }
    Tensor turnedWeight = graph.cont(graph.transpose(weight.tensor()));
    Tensor turnedX = graph.cont(graph.transpose(x.tensor()));
    return tape.record(
        kernels.linearDw(turnedWeight, turnedX, y.tensor(), false),
        dy -> {
          tape.give(y, dy);
          linearBack(weight, x, dy);
        },
        y,
        weight,
        x);
  }

  private void linearBack(Value weight, Value x, Tensor dy) {
    if (!ownProducts) {
      mulMatBack(weight, x, dy);
      return;
    }
    boolean half = products.half(weight.tensor().type());
    if (weight.sink() != null) {
      graph.compute(kernels.linearDw(x.later(), dy, weight.sink(), half));
    }
    tape.giveInto(x, into -> kernels.linearDx(weight.tensor(), dy, into, half));
  }

  @Override
  public Value add(Value a, Value b) {
    if (b.sink() == null || b.tensor().rows() > 1) {
      return super.add(a, b);
    }
    return tape.record(
        graph.add(a.tensor(), b.tensor()),
        dy -> {
          tape.give(a, dy);
          graph.compute(kernels.sumRows(dy, b.sink()));
        },
        a,
        b);
  }

  @Override
  public Value rmsNorm(Value x, Value weight, float eps) {
    Value y = tape.record(
        kernels.rmsNorm(x.tensor(), weight.tensor(), eps),
        dy -> {
          if (weight.sink() != null) {
            graph.compute(kernels.rmsNormDw(x.tensor(), dy, weight.sink(), eps));
          }
          tape.giveInto(x, into -> kernels.rmsNormDx(x.tensor(), weight.tensor(), dy, into, eps));
        },
        x,
        weight);
    return y.recomputed(() -> kernels.rmsNorm(x.tensor(), weight.tensor(), eps));
  }

  @Override
  public Value swiglu(Value gate, Value up) {
    // Half the memory until the backward pass; a product would round the sums in the same way.
    Tensor g = halfActivations ? graph.cast(gate.tensor(), TensorType.BF16) : gate.tensor();
    Tensor u = halfActivations ? graph.cast(up.tensor(), TensorType.BF16) : up.tensor();
    Value y = tape.record(
        kernels.swiglu(g, u),
        dy -> {
          Tensor both = kernels.swigluBack(g, u, dy);
          long n = dy.elements();
          tape.give(gate, graph.slice(both, 0, dy.size(0), dy.size(1)));
          tape.give(up, graph.slice(both, n, dy.size(0), dy.size(1)));
        },
        gate,
        up);
    return y.recomputed(() -> kernels.swiglu(g, u));
  }

  @Override
  public Value rows(Value x, Tensor indices) {
    return tape.record(
        graph.getRows(x.tensor(), indices),
        dy -> {
          if (x.sink() != null) {
            graph.compute(kernels.scatter(dy, indices, x.sink()));
          } else {
            tape.giveInto(x, into -> into == null
                ? kernels.scatterNew(dy, indices, x.tensor().size(1)) : kernels.scatter(dy, indices, into));
          }
        },
        x);
  }

  @Override
  public Value attention(Value q, Value k, Value v, Geometry g) {
    Tensor table = g.ropeTable(kernels);
    Tensor parents = g.parents();
    Tensor y =
        kernels.attention(
            q.tensor(), k.tensor(), v.tensor(), table, parents, g.headSize, g.slots, g.rope.neox(),
            halfActivations);
    return tape.record(
        y,
        dy -> {
          Tensor all =
              kernels.attentionBack(
                  q.tensor(), k.tensor(), v.tensor(), table, parents, dy, g.headSize, g.slots, g.rope.neox(),
                  halfActivations);
          long nq = q.tensor().elements();
          long nk = k.tensor().elements();
          tape.give(q, graph.slice(all, 0, q.tensor().shape()));
          tape.give(k, graph.slice(all, nq, k.tensor().shape()));
          tape.give(v, graph.slice(all, nq + nk, v.tensor().shape()));
        },
        q,
        k,
        v);
  }

  @Override
  public Tensor logits(Value hidden, Value weight) {
    return product(weight.tensor(), hidden.tensor());
  }

  @Override
  public Tensor logProbs(Tensor logits, Targets targets) {
    return kernels.logProbs(logits, targets.offsets(), targets.tokens());
  }

  @Override
  public Tensor headGradient(Tensor logits, Tensor logProbs, Value weight, Targets targets) {
    Tensor dLogits = logitsGradient(logits, logProbs, targets);
    return ownProducts
        ? kernels.linearDx(weight.tensor(), dLogits, null, products.half(weight.tensor().type()))
        : transposedProduct(weight.tensor(), dLogits);
  }

  @Override
  public void logProbsBackward(Tensor logits, Tensor logProbs, Value hidden, Value weight, Targets targets) {
    linearBack(weight, hidden, logitsGradient(logits, logProbs, targets));
  }

  private Tensor logitsGradient(Tensor logits, Tensor logProbs, Targets targets) {
    return kernels.logProbsBack(logits, targets.offsets(), targets.tokens(), targets.weights(), logProbs);
  }
}
