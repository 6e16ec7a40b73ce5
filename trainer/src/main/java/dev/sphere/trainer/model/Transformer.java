package dev.sphere.trainer.model;

import dev.sphere.bindings.tensor.Graph;
import dev.sphere.bindings.tensor.Tensor;
import dev.sphere.trainer.autodiff.Geometry;
import dev.sphere.trainer.autodiff.Ops;
import dev.sphere.trainer.autodiff.Value;

/** The forward pass of qwen2, qwen3, llama and phi3. Backward passes come from the tape. */
final class Transformer {
  private final Architecture shape;
  private final Weights weights;
  private final float loraScale;
  private final boolean longContext;
  private final boolean halfActivations;

  Transformer(Architecture shape, Weights weights, ModelOptions options) {
    this.shape = shape;
    this.weights = weights;
    this.longContext = options.context() > shape.rope().originalContext();
    this.halfActivations = options.products().half(weights.tensor(ModelTensors.weight(0, "ffn_up")).type());
    this.loraScale = options.lora() ? options.alpha() / options.rank() : 0;
  }

  /** Whether products round their factors to BF16, so that SwiGLU's inputs may be kept in BF16. */
  boolean halfActivations() {
    return halfActivations;
  }

  /** Token embeddings [width, N]. */
  Value embed(Ops ops, Tensor tokens) {
    return ops.rows(weights.value(ops, ModelTensors.EMBEDDING), tokens);
  }

  /** One block: x + attention, then + feed-forward. */
  Value layer(Ops ops, int i, Value x, Geometry geometry, boolean adapter) {
    Value normed = ops.rmsNorm(x, weights.value(ops, ModelTensors.weight(i, "attn_norm")), shape.epsilon());
    Value[] qkv = weights.has(ModelTensors.weight(i, "attn_qkv"))
        ? fused(ops, i, "attn_qkv", normed, adapter, shape.queryWidth(), shape.kvWidth(), shape.kvWidth())
        : new Value[] {
          linear(ops, i, "attn_q", normed, adapter),
          linear(ops, i, "attn_k", normed, adapter),
          linear(ops, i, "attn_v", normed, adapter)
        };
    if (shape.headNorms()) {
      qkv[0] = headNorm(ops, i, "attn_q_norm", qkv[0]);
      qkv[1] = headNorm(ops, i, "attn_k_norm", qkv[1]);
    }
    Value attended = linear(ops, i, "attn_output", ops.attention(qkv[0], qkv[1], qkv[2], geometry), adapter);
    Value middle = ops.add(x, attended);
    Value again = ops.rmsNorm(middle, weights.value(ops, ModelTensors.weight(i, "ffn_norm")), shape.epsilon());
    Value[] gateUp = shape.fusedGate()
        ? fused(ops, i, "ffn_up", again, adapter, shape.feedForward(), shape.feedForward())
        : new Value[] {linear(ops, i, "ffn_gate", again, adapter), linear(ops, i, "ffn_up", again, adapter)};
    return ops.add(middle, linear(ops, i, "ffn_down", ops.swiglu(gateUp[0], gateUp[1]), adapter));
  }

  /** Divides each head's part of x by its root mean square and multiplies by one weight for all heads. */
  private Value headNorm(Ops ops, int layer, String part, Value x) {
    long n = x.tensor().size(1);
    Value heads = ops.reshape(x, shape.headSize(), x.tensor().elements() / shape.headSize());
    Value normed = ops.rmsNorm(heads, weights.value(ops, ModelTensors.weight(layer, part)), shape.epsilon());
    return ops.reshape(normed, x.tensor().size(0), n);
  }

  /** The head's input: the rows that predict, normalised, [width, count]. */
  Value predicting(Ops ops, Value x, Tensor rows) {
    return ops.rmsNorm(ops.rows(x, rows), weights.value(ops, ModelTensors.OUTPUT_NORM), shape.epsilon());
  }

  /** The head's matrix [width, vocabulary]: the embedding itself where the two are tied. */
  Value head(Ops ops) {
    return weights.value(ops, weights.has(ModelTensors.OUTPUT) ? ModelTensors.OUTPUT : ModelTensors.EMBEDDING);
  }

  /** The reward head's logits [2, count] of bad and good: linear, relu, linear. */
  Value rewardLogits(Ops ops, Value hidden) {
    Value middle = ops.add(
        ops.linear(weights.value(ops, Weights.REWARD.get(0)), hidden), weights.value(ops, Weights.REWARD.get(1)));
    return ops.add(
        ops.linear(weights.value(ops, Weights.REWARD.get(2)), ops.relu(middle)),
        weights.value(ops, Weights.REWARD.get(3)));
  }

  /** The factors on the rotary embedding's frequencies; null where the model has none. */
  Tensor ropeFactors() {
    if (weights.has(ModelTensors.ROPE_FACTORS)) {
      return weights.tensor(ModelTensors.ROPE_FACTORS);
    }
    return weights.tensor(longContext ? ModelTensors.ROPE_LONG : ModelTensors.ROPE_SHORT);
  }

  private Value linear(Ops ops, int layer, String part, Value x, boolean adapter) {
    return fused(ops, layer, part, x, adapter, -1)[0];
  }

  /**
   * DoRA's factor m / |W + s B A| on each output, from norms of rows. |W|² is a stored tensor; the rest needs only
   * products with as many columns as the adapter's rank: |W + s B A|² = |W|² + 2 s B · (W Aᵀ) + s² B · (B A Aᵀ), row
   * by row.
   */
  private Value lengths(Ops ops, String name, int from, int count) {
    Graph g = ops.tape().graph();
    Tensor w = weights.constantRows(ops, name, from, count);
    Tensor a = weights.tensor(name + Weights.LORA_A);
    Tensor b = weights.constantRows(ops, name + Weights.LORA_B, from, count);
    Tensor squares = weights.constantRows(ops, name + Weights.SQUARES, from, count);
    Tensor crossed = g.sumRows(g.mul(g.cont(g.transpose(g.mulMat(w, a))), b));
    Tensor own = g.sumRows(g.mul(g.mulMat(g.mulMat(a, a), b), b));
    Tensor change = g.add(g.scale(crossed, 2 * loraScale), g.scale(own, loraScale * loraScale));
    Tensor norms = g.sqrt(g.add(squares, g.reshape(change, squares.size(0))));
    return ops.divide(weights.rows(ops, name + Weights.MAGNITUDE, from, count), norms);
  }

  /**
   * Projections whose matrices lie one below the other in one tensor, as their biases and adapters do. Each reads its
   * rows as a view.
   *
   * @param rows rows of each projection; -1 for all
   */
  private Value[] fused(Ops ops, int layer, String part, Value x, boolean adapter, int... rows) {
    String name = ModelTensors.weight(layer, part);
    String bias = ModelTensors.bias(layer, part);
    Value low = null;
    if (adapter && weights.has(name + Weights.LORA_A)) {
      low = ops.scale(ops.linear(weights.value(ops, name + Weights.LORA_A), x), loraScale);
    }
    Value[] results = new Value[rows.length];
    int from = 0;
    for (int i = 0; i < rows.length; i++) {
      Value y = ops.linear(weights.rows(ops, name, from, rows[i]), x);
      if (low != null) {
        y = ops.addLinear(y, weights.rows(ops, name + Weights.LORA_B, from, rows[i]), low);
        if (weights.has(name + Weights.MAGNITUDE)) {
          y = ops.mul(y, lengths(ops, name, from, rows[i]));
        }
      }
      results[i] = weights.has(bias) ? ops.add(y, weights.rows(ops, bias, from, rows[i])) : y;
      from += rows[i];
    }
    return results;
  }
}
