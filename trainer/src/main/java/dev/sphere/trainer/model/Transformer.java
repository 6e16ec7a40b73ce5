package dev.sphere.trainer.model;

import dev.sphere.bindings.Tensor;
import dev.sphere.trainer.autodiff.Geometry;
import dev.sphere.trainer.autodiff.Ops;
import dev.sphere.trainer.autodiff.Value;

/** The forward pass of qwen2 and llama, as the papers write it. Backward passes come from the tape. */
final class Transformer {
  private final Architecture shape;
  private final Weights weights;
  private final float loraScale;

  Transformer(Architecture shape, Weights weights, ModelOptions options) {
    this.shape = shape;
    this.weights = weights;
    this.loraScale = options.lora() ? options.alpha() / options.rank() : 0;
  }

  /** Token embeddings [width, N]. */
  Value embed(Ops ops, Tensor tokens) {
    return ops.rows(weights.value(ops, ModelTensors.EMBEDDING), tokens);
  }

  /** One block: x + attention, then + feed-forward. */
  Value layer(Ops ops, int i, Value x, Geometry geometry, boolean adapter) {
    Value normed = ops.rmsNorm(x, weights.value(ops, ModelTensors.weight(i, "attn_norm")), shape.epsilon());
    Value q = linear(ops, i, "attn_q", normed, adapter);
    Value k = linear(ops, i, "attn_k", normed, adapter);
    Value v = linear(ops, i, "attn_v", normed, adapter);
    Value attended = linear(ops, i, "attn_output", ops.attention(q, k, v, geometry), adapter);
    Value middle = ops.add(x, attended);
    Value again = ops.rmsNorm(middle, weights.value(ops, ModelTensors.weight(i, "ffn_norm")), shape.epsilon());
    Value gate = linear(ops, i, "ffn_gate", again, adapter);
    Value up = linear(ops, i, "ffn_up", again, adapter);
    return ops.add(middle, linear(ops, i, "ffn_down", ops.swiglu(gate, up), adapter));
  }

  /** The rows that predict, normalised for the head: [width, count]. */
  Value predicting(Ops ops, Value x, Tensor rows) {
    return ops.rmsNorm(ops.rows(x, rows), weights.value(ops, ModelTensors.OUTPUT_NORM), shape.epsilon());
  }

  /** The head's matrix [width, vocabulary]: the embedding itself where the two are tied. */
  Value head(Ops ops) {
    return weights.value(ops, weights.has(ModelTensors.OUTPUT) ? ModelTensors.OUTPUT : ModelTensors.EMBEDDING);
  }

  Tensor ropeFactors() {
    return weights.tensor(ModelTensors.ROPE_FACTORS);
  }

  private Value linear(Ops ops, int layer, String part, Value x, boolean adapter) {
    String name = ModelTensors.weight(layer, part);
    Value y = ops.linear(weights.value(ops, name), x);
    if (adapter && weights.has(name + Weights.LORA_A)) {
      Value low = ops.scale(ops.linear(weights.value(ops, name + Weights.LORA_A), x), loraScale);
      y = ops.add(y, ops.linear(weights.value(ops, name + Weights.LORA_B), low));
    }
    String bias = ModelTensors.bias(layer, part);
    return weights.has(bias) ? ops.add(y, weights.value(ops, bias)) : y;
  }
}
