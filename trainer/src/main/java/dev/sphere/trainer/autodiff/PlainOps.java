package dev.sphere.trainer.autodiff;

import dev.sphere.bindings.tensor.Tensor;

/** Transformer parts written with ggml's own operations: they run on every backend and are the reference. */
public class PlainOps extends Primitives implements Ops {
  public PlainOps(Tape tape) {
    super(tape);
  }

  @Override
  public Tape tape() {
    return tape;
  }

  @Override
  public Value linear(Value weight, Value x) {
    return mulMat(weight, x);
  }

  @Override
  public Value addLinear(Value y, Value weight, Value x) {
    return add(y, linear(weight, x));
  }

  @Override
  public Value rmsNorm(Value x, Value weight, float eps) {
    return mul(normalize(x, eps), weight);
  }

  @Override
  public Value swiglu(Value gate, Value up) {
    return mul(silu(gate), up);
  }

  @Override
  public Value rows(Value x, Tensor indices) {
    return getRows(x, indices);
  }

  @Override
  public Value attention(Value q, Value k, Value v, Geometry g) {
    int d = g.headSize;
    Value queries = byHead(turned(reshape(q, d, g.heads, q.tensor().size(1)), g), g.heads, g);
    Value keys = byHead(turned(reshape(k, d, g.kvHeads, k.tensor().size(1)), g), g.kvHeads, g);
    // [slots, head size, kv heads, groups]: the sum over seen slots runs along the contiguous dimension
    Value values = cont(permute(reshape(v, d, g.kvHeads, g.slots, g.groups), 1, 2, 0, 3));
    Value scores = mulMat(keys, queries);
    Value seen = softMax(scores, g.mask(), (float) (1 / Math.sqrt(d)));
    Value mixed = mulMat(values, seen);
    return reshape(cont(permute(mixed, 0, 2, 1, 3)), (long) d * g.heads, q.tensor().size(1));
  }

  private Value turned(Value a, Geometry g) {
    return rope(a, g.positions(), g.factors, g.rope);
  }

  /** [head size, heads, N] to [head size, slots, heads, groups]. */
  private Value byHead(Value a, int heads, Geometry g) {
    return cont(permute(reshape(a, g.headSize, heads, g.slots, g.groups), 0, 2, 1, 3));
  }

  @Override
  public Tensor logits(Value hidden, Value weight) {
    return graph.mulMat(weight.tensor(), hidden.tensor());
  }

  @Override
  public Tensor logProbs(Tensor logits, Targets targets) {
    return gather(transformer.softMax(logits, null, 1), targets);
  }

  @Override
  public void logProbsBackward(Tensor logits, Tensor logProbs, Value hidden, Value weight, Targets targets) {
    mulMatBack(weight, hidden, logitsGradient(logits, targets));
  }

  @Override
  public Tensor headGradient(Tensor logits, Tensor logProbs, Value weight, Targets targets) {
    return transposedProduct(weight.tensor(), logitsGradient(logits, targets));
  }

  /** d (sum_i w_i log p_i) / d logits = w at the targets - p · (sum of the row's weights). */
  private Tensor logitsGradient(Tensor logits, Targets targets) {
    Tensor p = transformer.softMax(logits, null, 1);
    Tensor w = targets.dense((int) p.size(0));
    return graph.sub(w, graph.mul(p, graph.sumRows(w)));
  }

  private Tensor gather(Tensor p, Targets targets) {
    Tensor flat = graph.reshape(p, 1, p.elements());
    return graph.log(graph.reshape(graph.getRows(flat, targets.flat((int) p.size(0))), targets.count));
  }
}
