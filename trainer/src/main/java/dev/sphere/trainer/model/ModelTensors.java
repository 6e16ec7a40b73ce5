package dev.sphere.trainer.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** The names and shapes of the tensors of qwen2, qwen3, llama and phi3 models. */
final class ModelTensors {
  static final String EMBEDDING = "token_embd.weight";
  static final String OUTPUT = "output.weight";
  static final String OUTPUT_NORM = "output_norm.weight";
  static final String ROPE_FACTORS = "rope_freqs.weight";
  static final String ROPE_LONG = "rope_factors_long.weight";
  static final String ROPE_SHORT = "rope_factors_short.weight";

  private ModelTensors() {}

  /** {@code blk.3.attn_q.weight} for layer 3 and part attn_q. */
  static String weight(int layer, String part) {
    return "blk." + layer + "." + part + ".weight";
  }

  static String bias(int layer, String part) {
    return "blk." + layer + "." + part + ".bias";
  }

  /** Whether the tensor is a table of factors on the rotary embedding's frequencies, which is not trained. */
  static boolean ropeFactors(String name) {
    return name.equals(ROPE_FACTORS) || name.equals(ROPE_LONG) || name.equals(ROPE_SHORT);
  }

  /** attn_q of {@code blk.3.attn_q.weight}; empty for tensors that are no layer's weight. */
  static String layerPart(String name) {
    return name.startsWith("blk.") && name.endsWith(".weight")
        ? name.substring(name.indexOf('.', 4) + 1, name.length() - ".weight".length())
        : "";
  }

  /**
   * All tensors of the model in a fixed order.
   *
   * @throws IllegalArgumentException naming a tensor that is missing, unknown or of another shape
   */
  static List<String> of(Architecture a, WeightSource source) {
    Collector c = new Collector(source);
    c.required(EMBEDDING, a.width(), a.vocabulary());
    for (String factors : List.of(ROPE_FACTORS, ROPE_LONG, ROPE_SHORT)) {
      c.optional(factors, a.rope().dimensions() / 2);
    }
    for (int i = 0; i < a.layers(); i++) {
      c.required(weight(i, "attn_norm"), a.width());
      if (c.has(weight(i, "attn_qkv"))) {
        c.linear(i, "attn_qkv", a.width(), a.queryWidth() + 2L * a.kvWidth());
      } else {
        c.linear(i, "attn_q", a.width(), a.queryWidth());
        c.linear(i, "attn_k", a.width(), a.kvWidth());
        c.linear(i, "attn_v", a.width(), a.kvWidth());
      }
      if (a.headNorms()) {
        c.required(weight(i, "attn_q_norm"), a.headSize());
        c.required(weight(i, "attn_k_norm"), a.headSize());
      }
      c.linear(i, "attn_output", a.queryWidth(), a.width());
      c.required(weight(i, "ffn_norm"), a.width());
      if (a.fusedGate()) {
        c.linear(i, "ffn_up", a.width(), 2L * a.feedForward());
      } else {
        c.linear(i, "ffn_gate", a.width(), a.feedForward());
        c.linear(i, "ffn_up", a.width(), a.feedForward());
      }
      c.linear(i, "ffn_down", a.feedForward(), a.width());
    }
    c.required(OUTPUT_NORM, a.width());
    c.optional(OUTPUT, a.width(), a.vocabulary());
    return c.finish();
  }

  private static final class Collector {
    private final WeightSource source;
    private final Set<String> left;
    private final List<String> found = new ArrayList<>();

    Collector(WeightSource source) {
      this.source = source;
      this.left = new TreeSet<>(source.names());
    }

    boolean has(String name) {
      return left.contains(name);
    }

    void linear(int layer, String part, long in, long out) {
      required(weight(layer, part), in, out);
      optional(bias(layer, part), out);
    }

    void required(String name, long... shape) {
      if (!left.contains(name)) {
        throw new IllegalArgumentException("the model has no tensor " + name + ", so it cannot be trained");
      }
      optional(name, shape);
    }

    void optional(String name, long... shape) {
      if (left.remove(name)) {
        if (!Arrays.equals(source.shape(name), shape)) {
          throw new IllegalArgumentException(
              "tensor " + name + " has shape " + Arrays.toString(source.shape(name))
                  + " where the model's metadata say " + Arrays.toString(shape));
        }
        found.add(name);
      }
    }

    List<String> finish() {
      if (!left.isEmpty()) {
        throw new IllegalArgumentException(
            "the model has a tensor " + left.iterator().next() + ", which training does not know; it would be ignored");
      }
      return found;
    }
  }
}
