package dev.sphere.trainer.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** The tensors of qwen2 and llama models: names, shapes, and which may be absent. */
final class ModelTensors {
  static final String EMBEDDING = "token_embd.weight";
  static final String OUTPUT = "output.weight";
  static final String OUTPUT_NORM = "output_norm.weight";
  static final String ROPE_FACTORS = "rope_freqs.weight";

  private ModelTensors() {}

  /** {@code blk.3.attn_q.weight} for layer 3 and part attn_q. */
  static String weight(int layer, String part) {
    return "blk." + layer + "." + part + ".weight";
  }

  static String bias(int layer, String part) {
    return "blk." + layer + "." + part + ".bias";
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
   * @throws IllegalArgumentException naming a tensor that is missing, has another shape, or is not known
   */
  static List<String> of(Architecture a, WeightSource source) {
    Collector c = new Collector(source);
    int q = a.heads() * a.headSize();
    int kv = a.kvHeads() * a.headSize();
    c.required(EMBEDDING, a.width(), a.vocabulary());
    c.optional(ROPE_FACTORS, a.rope().dimensions() / 2);
    for (int i = 0; i < a.layers(); i++) {
      c.required(weight(i, "attn_norm"), a.width());
      c.linear(i, "attn_q", a.width(), q);
      c.linear(i, "attn_k", a.width(), kv);
      c.linear(i, "attn_v", a.width(), kv);
      c.linear(i, "attn_output", q, a.width());
      c.required(weight(i, "ffn_norm"), a.width());
      c.linear(i, "ffn_gate", a.width(), a.feedForward());
      c.linear(i, "ffn_up", a.width(), a.feedForward());
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
              "tensor " + name + " has shape " + Arrays.toString(source.shape(name)) + " where the model's metadata say "
                  + Arrays.toString(shape));
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
