package dev.sphere.gguf.model;

import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.GgufException;
import dev.sphere.gguf.GgufTensor;
import java.util.HashMap;
import java.util.Map;

/**
 * Compares a model's tensors with its metadata: every tensor that llama.cpp v0.5.0 asks for is there, none is there
 * that it doesn't know (it refuses those), each with the right shape and a type that the kernels take. Vectors are few:
 * their values are finite too.
 */
final class ModelCheck {
  /** The alignment that ggml's CPU buffers assert of a mapped tensor's address, in bytes. */
  private static final int TENSOR_ALIGNMENT = 32;

  private final GgufFile file;
  private final ModelShape shape;
  /** The tensors that nobody has asked for yet. */
  private final Map<String, GgufTensor> left;

  private ModelCheck(GgufFile file, ModelShape shape) {
    this.file = file;
    this.shape = shape;
    this.left = new HashMap<>(file.tensors());
  }

  static void check(GgufFile file, ModelShape shape) {
    new ModelCheck(file, shape).run();
  }

  private void run() {
    GgufTensor first = file.tensors().values().iterator().next();
    if (file.alignment() % TENSOR_ALIGNMENT != 0 || first.offset() % TENSOR_ALIGNMENT != 0) {
      throw fail("general.alignment is " + file.alignment() + ", expected a multiple of " + TENSOR_ALIGNMENT);
    }
    weight("token_embd.weight", shape.width(), shape.vocabulary());
    vector("output_norm.weight", shape.width());
    if (left.containsKey("output.weight")) {
      weight("output.weight", shape.width(), shape.vocabulary());
    }
    if (shape.architecture().equals("qwen2")) {
      optionalVector("output.bias", shape.vocabulary());
    }
    ropeFactors();
    for (int i = 0; i < shape.layers(); i++) {
      layer("blk." + i + ".");
    }
    if (PrmInfo.hasHead(file)) {
      rewardHead();
    }
    PrmInfo.of(file);
    if (!left.isEmpty()) {
      // In the file's order, so that the message is the same each time.
      String name = file.tensors().keySet().stream().filter(left::containsKey).findFirst().orElseThrow();
      throw fail("the tensor " + GgufException.quote(name) + " does not belong to a " + shape.architecture()
          + " model of " + shape.layers() + " layers");
    }
  }

  /** The head of a process reward model: llama.cpp does not know it, Sphere computes it. */
  private void rewardHead() {
    weight("cls.weight", shape.width(), shape.width());
    vector("cls.bias", shape.width());
    weight("cls.output.weight", shape.width(), PrmInfo.CLASSES);
    vector("cls.output.bias", PrmInfo.CLASSES);
  }

  private void ropeFactors() {
    boolean llama = shape.architecture().equals("llama");
    String scaling = file.metadata().string(shape.architecture() + ".rope.scaling.type").orElse("");
    boolean longRope = scaling.equals("longrope");
    if (llama && !longRope) {
      optionalVector("rope_freqs.weight", shape.ropeWidth() / 2);
    } else if (llama || shape.architecture().equals("phi3")) {
      optionalVector("rope_factors_long.weight", shape.ropeWidth() / 2);
      optionalVector("rope_factors_short.weight", shape.ropeWidth() / 2);
    }
  }

  private void layer(String prefix) {
    int width = shape.width();
    int inner = shape.feedForward();
    vector(prefix + "attn_norm.weight", width);
    attention(prefix);
    vector(prefix + "ffn_norm.weight", width);
    matrix(prefix + "ffn_down", inner, width);
    switch (shape.architecture()) {
      case "phi3" -> matrix(prefix + "ffn_up", width, 2 * inner);
      default -> {
        matrix(prefix + "ffn_gate", width, inner);
        matrix(prefix + "ffn_up", width, inner);
      }
    }
    if (shape.architecture().equals("llama")) {
      optionalVector(prefix + "attn_output.bias", width);
      optionalVector(prefix + "ffn_gate.bias", inner);
      optionalVector(prefix + "ffn_up.bias", inner);
      optionalVector(prefix + "ffn_down.bias", width);
    }
    if (shape.architecture().equals("qwen3")) {
      vector(prefix + "attn_q_norm.weight", shape.headWidth());
      vector(prefix + "attn_k_norm.weight", shape.headWidth());
    }
  }

  private void attention(String prefix) {
    int width = shape.width();
    int all = shape.queryWidth() + 2 * shape.kvWidth();
    boolean fused = left.containsKey(prefix + "attn_qkv.weight");
    if (fused) {
      matrix(prefix + "attn_qkv", width, all);
    } else {
      matrix(prefix + "attn_q", width, shape.queryWidth());
      matrix(prefix + "attn_k", width, shape.kvWidth());
      matrix(prefix + "attn_v", width, shape.kvWidth());
    }
    if (!fused || !optionalVector(prefix + "attn_qkv.bias", all)) {
      optionalVector(prefix + "attn_q.bias", shape.queryWidth());
      optionalVector(prefix + "attn_k.bias", shape.kvWidth());
      optionalVector(prefix + "attn_v.bias", shape.kvWidth());
    }
    matrix(prefix + "attn_output", shape.queryWidth(), width);
  }

  /** A weight that may have the scales that NVFP4 brings along. */
  private void matrix(String name, long columns, long rows) {
    weight(name + ".weight", columns, rows);
    optionalVector(name + ".scale", 1);
    optionalVector(name + ".input_scale", 1);
  }

  private void weight(String name, long columns, long rows) {
    GgufTensor tensor = take(name, columns, rows);
    if (!tensor.type().isWeight()) {
      throw fail("the tensor " + GgufException.quote(name) + " has the type " + tensor.type().label()
          + ", which no weight matrix can have");
    }
  }

  private void vector(String name, long length) {
    GgufTensor tensor = take(name, length);
    if (tensor.type() != GgmlType.F32) {
      throw fail("the tensor " + GgufException.quote(name) + " has the type " + tensor.type().label()
          + ", expected f32");
    }
    float[] values = file.readFloats(name);
    for (int i = 0; i < values.length; i++) {
      if (!Float.isFinite(values[i])) {
        throw fail("the tensor " + GgufException.quote(name) + " is damaged: its value " + i + " is " + values[i]);
      }
    }
  }

  private boolean optionalVector(String name, long length) {
    boolean there = left.containsKey(name);
    if (there) {
      vector(name, length);
    }
    return there;
  }

  private GgufTensor take(String name, long... wanted) {
    GgufTensor tensor = file.tensor(name);
    left.remove(name);
    if (!tensor.hasShape(wanted)) {
      throw fail("the tensor " + GgufException.quote(name) + " has the shape " + tensor.shapeText() + ", expected "
          + new GgufTensor(name, tensor.type(), java.util.Arrays.stream(wanted).boxed().toList(), 0, 0).shapeText());
    }
    return tensor;
  }

  private GgufException fail(String message) {
    return GgufException.in(file.path(), message);
  }
}
