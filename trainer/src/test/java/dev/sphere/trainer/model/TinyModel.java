package dev.sphere.trainer.model;

import dev.sphere.bindings.tensor.Rope;
import dev.sphere.bindings.tensor.Tensor;
import dev.sphere.bindings.tensor.TensorType;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;

/** Random weights in memory for a small model. */
final class TinyModel implements WeightSource {
  final Architecture shape;
  final Map<String, float[]> values = new LinkedHashMap<>();
  private final Map<String, long[]> shapes = new LinkedHashMap<>();
  private final SplittableRandom random;

  TinyModel(Architecture shape, boolean tied, boolean biases, boolean ropeFactors, long seed) {
    this.shape = shape;
    this.random = new SplittableRandom(seed);
    int q = shape.heads() * shape.headSize();
    int kv = shape.kvHeads() * shape.headSize();
    add(ModelTensors.EMBEDDING, 0, 1, shape.width(), shape.vocabulary());
    for (int i = 0; i < shape.layers(); i++) {
      add(ModelTensors.weight(i, "attn_norm"), 1, 0.3, shape.width());
      if (shape.fusedGate()) {
        linear(i, "attn_qkv", biases, shape.width(), q + 2 * kv);
      } else {
        linear(i, "attn_q", biases, shape.width(), q);
        linear(i, "attn_k", biases, shape.width(), kv);
        linear(i, "attn_v", biases, shape.width(), kv);
      }
      if (shape.headNorms()) {
        add(ModelTensors.weight(i, "attn_q_norm"), 1, 0.3, shape.headSize());
        add(ModelTensors.weight(i, "attn_k_norm"), 1, 0.3, shape.headSize());
      }
      linear(i, "attn_output", false, q, shape.width());
      add(ModelTensors.weight(i, "ffn_norm"), 1, 0.3, shape.width());
      if (shape.fusedGate()) {
        linear(i, "ffn_up", false, shape.width(), 2 * shape.feedForward());
      } else {
        linear(i, "ffn_gate", false, shape.width(), shape.feedForward());
        linear(i, "ffn_up", false, shape.width(), shape.feedForward());
      }
      linear(i, "ffn_down", false, shape.feedForward(), shape.width());
    }
    add(ModelTensors.OUTPUT_NORM, 1, 0.3, shape.width());
    if (!tied) {
      add(ModelTensors.OUTPUT, 0, 0.3, shape.width(), shape.vocabulary());
    }
    if (ropeFactors) {
      add(ModelTensors.ROPE_FACTORS, 2, 1, shape.rope().dimensions() / 2);
    }
  }

  /** A qwen2 shape with odd sizes. */
  static Architecture qwen2(int layers) {
    return new Architecture("qwen2", layers, 20, 4, 2, 6, 27, 37, 1e-5f, Rope.plain(6, true, 10000));
  }

  /** A llama shape whose heads are as many as its key-value heads. */
  static Architecture llama(int layers) {
    return new Architecture("llama", layers, 18, 3, 3, 8, 25, 41, 1e-6f, Rope.plain(8, false, 500));
  }

  /** A qwen3 shape, whose heads are wider together than the residual stream, under YaRN. */
  static Architecture qwen3(int layers) {
    return new Architecture(
        "qwen3", layers, 20, 4, 2, 8, 27, 37, 1e-5f, new Rope(8, true, 100, 0.25f, 1, 1.1f, 2, 0.5f, 64));
  }

  /** A phi3 shape: fused projections, of which only a part of each head turns. */
  static Architecture phi3(int layers) {
    return new Architecture("phi3", layers, 24, 4, 2, 6, 25, 41, 1e-5f, new Rope(4, true, 500, 1, 0, 1.2f, 32, 1, 64));
  }

  /** The shape of that name and its model: biases for qwen2 and phi3, rotation factors for llama. */
  static TinyModel of(String name, int layers, boolean tied, long seed) {
    Architecture shape = switch (name) {
      case "qwen2" -> qwen2(layers);
      case "qwen3" -> qwen3(layers);
      case "llama" -> llama(layers);
      case "phi3" -> phi3(layers);
      default -> throw new IllegalArgumentException(name);
    };
    return new TinyModel(shape, tied, name.equals("qwen2") || name.equals("phi3"), name.equals("llama"), seed);
  }

  private void linear(int layer, String part, boolean bias, int in, int out) {
    add(ModelTensors.weight(layer, part), 0, 1.5 / Math.sqrt(in), in, out);
    if (bias) {
      add(ModelTensors.bias(layer, part), 0, 0.3, out);
    }
  }

  private void add(String name, double mean, double spread, long... sizes) {
    long n = 1;
    for (long s : sizes) {
      n *= s;
    }
    float[] v = new float[(int) n];
    for (int i = 0; i < v.length; i++) {
      v[i] = (float) (mean + spread * (2 * random.nextDouble() - 1));
    }
    values.put(name, v);
    shapes.put(name, sizes);
  }

  @Override
  public Set<String> names() {
    return values.keySet();
  }

  @Override
  public TensorType type(String name) {
    return TensorType.F32;
  }

  @Override
  public long[] shape(String name) {
    return shapes.get(name);
  }

  @Override
  public void load(String name, Tensor target) {
    target.write(values.get(name));
  }
}
