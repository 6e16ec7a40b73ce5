package dev.sphere.trainer.model;

import dev.sphere.bindings.Rope;
import dev.sphere.bindings.Tensor;
import dev.sphere.bindings.TensorType;
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
      linear(i, "attn_q", biases, shape.width(), q);
      linear(i, "attn_k", biases, shape.width(), kv);
      linear(i, "attn_v", biases, shape.width(), kv);
      linear(i, "attn_output", false, q, shape.width());
      add(ModelTensors.weight(i, "ffn_norm"), 1, 0.3, shape.width());
      linear(i, "ffn_gate", false, shape.width(), shape.feedForward());
      linear(i, "ffn_up", false, shape.width(), shape.feedForward());
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
