package dev.sphere.gguf.model;

import dev.sphere.gguf.GgufException;
import dev.sphere.gguf.GgufMetadata;
import dev.sphere.gguf.GgufValue;
import java.util.List;

/**
 * The dimensions of a decoder-only transformer, from a file's metadata, checked: what the tensors must agree with.
 *
 * @param architecture qwen2, qwen3, llama or phi3
 * @param vocabulary number of tokens
 * @param context tokens that it was trained for
 * @param width of the residual stream (n_embd)
 * @param layers number of blocks
 * @param heads query heads
 * @param kvHeads key and value heads; divides {@code heads}
 * @param headWidth elements a head, even
 * @param ropeWidth elements of a head that are rotated, even, at most {@code headWidth}
 * @param feedForward width of the feed-forward part
 * @param ropeBase base of the rotation's frequencies
 * @param normEpsilon of the RMS norms
 * @param tied whether the token embedding is the output matrix too
 */
public record ModelShape(String architecture, int vocabulary, long context, int width, int layers, int heads,
    int kvHeads, int headWidth, int ropeWidth, int feedForward, float ropeBase, float normEpsilon, boolean tied) {

  private static final List<String> SUPPORTED = List.of("llama", "qwen2", "qwen3", "phi3");
  private static final List<String> ROPE_SCALINGS = List.of("none", "linear", "yarn", "longrope");
  /** More than any model has, and few enough that no product of two of them overflows. */
  private static final int MAX_DIMENSION = 1 << 20;
  private static final int MAX_LAYERS = 512;
  private static final long MAX_CONTEXT = 1L << 28;

  /** Whether Sphere knows this architecture's tensors. */
  public static boolean supports(String architecture) {
    return SUPPORTED.contains(architecture);
  }

  /** The architectures that Sphere knows. */
  public static List<String> supported() {
    return SUPPORTED;
  }

  /** The head widths together: rows of the query projection. */
  public int queryWidth() {
    return heads * headWidth;
  }

  /** Rows of the key projection, and of the value projection. */
  public int kvWidth() {
    return kvHeads * headWidth;
  }

  /** Bytes that the KV cache of one context takes: {@code tokens} cells, {@code elementBytes} a number. */
  public long kvBytes(long tokens, int elementBytes) {
    return Math.multiplyExact(Math.multiplyExact(2L * layers * kvWidth(), elementBytes), tokens);
  }

  static ModelShape of(GgufFile file) {
    return new Reader(file).read();
  }

  private record Reader(GgufFile file, String architecture, GgufMetadata metadata) {
    Reader(GgufFile file) {
      this(file, file.architecture(), file.metadata());
    }

    ModelShape read() {
      if (!supports(architecture)) {
        throw fail("the architecture " + GgufException.quote(architecture) + " is not supported ("
            + String.join(", ", SUPPORTED) + " are)");
      }
      refuseWhatWeDontCompute();
      int width = dimension("embedding_length", MAX_DIMENSION);
      int layers = dimension("block_count", MAX_LAYERS);
      int heads = perLayer("attention.head_count", layers, -1);
      int kvHeads = perLayer("attention.head_count_kv", layers, heads);
      if (heads % kvHeads != 0) {
        throw fail(heads + " query heads are not a multiple of " + kvHeads + " key-value heads");
      }
      long headWidth = optional("attention.key_length", width / heads);
      long valueWidth = optional("attention.value_length", width / heads);
      long ropeWidth = optional("rope.dimension_count", headWidth);
      if (headWidth != valueWidth || headWidth % 2 != 0 || headWidth > 4096) {
        throw fail("key_length is " + headWidth + " and value_length " + valueWidth
            + ", expected the same even number, at most 4096");
      }
      boolean partialRope = architecture.equals("phi3");
      if (ropeWidth % 2 != 0 || ropeWidth > headWidth || (!partialRope && ropeWidth != headWidth)) {
        throw fail("rope.dimension_count is " + ropeWidth + ", expected " + headWidth + " like the head's width");
      }
      if ((architecture.equals("qwen2") || partialRope) && headWidth * heads != width) {
        throw fail(heads + " heads of " + headWidth + " elements are not the embedding length " + width);
      }
      if (headWidth * heads > MAX_DIMENSION) {
        throw fail(heads + " heads of " + headWidth + " elements are more than " + MAX_DIMENSION);
      }
      int feedForward = perLayer("feed_forward_length", layers, -1);
      float base = number("rope.freq_base", 10000, Float.MIN_NORMAL, Float.MAX_VALUE);
      if (!metadata.has(architecture + ".attention.layer_norm_rms_epsilon")) {
        throw metadata.missing(architecture + ".attention.layer_norm_rms_epsilon");
      }
      float epsilon = number("attention.layer_norm_rms_epsilon", 0, 0, 1);
      ropeScaling();
      return new ModelShape(architecture, vocabulary(), context(), width, layers, heads, kvHeads, (int) headWidth,
          (int) ropeWidth, feedForward, base, epsilon, !file.tensors().containsKey("output.weight"));
    }

    private void refuseWhatWeDontCompute() {
      for (String key : List.of("expert_count", "expert_used_count", "expert_group_count", "expert_group_used_count",
          "nextn_predict_layers", "pooling_type")) {
        GgufValue value = metadata.values().get(architecture + "." + key);
        if (value != null && (value.isArray() || metadata.u32(architecture + "." + key).orElse(0) != 0)) {
          throw fail(architecture + "." + key + " is set: mixtures of experts, extra prediction layers and embedding "
              + "models are not supported");
        }
      }
      if (!metadata.bool(architecture + ".attention.causal").orElse(true)) {
        throw fail(architecture + ".attention.causal is false: only causal models are supported");
      }
      if (metadata.has(architecture + ".classifier.output_labels")) {
        throw fail("a classifier, not a language model");
      }
    }

    private int vocabulary() {
      if (!metadata.has("tokenizer.ggml.model")) {
        throw metadata.missing("tokenizer.ggml.model");
      }
      return TokenizerCheck.tokens(file);
    }

    private long context() {
      long context = required("context_length");
      if (context < 1 || context > MAX_CONTEXT) {
        throw fail("context_length is " + context + ", expected 1 to " + MAX_CONTEXT);
      }
      return context;
    }

    private void ropeScaling() {
      String kind = metadata.string(architecture + ".rope.scaling.type").orElse("none");
      if (!ROPE_SCALINGS.contains(kind)) {
        throw fail("rope.scaling.type is " + GgufException.quote(kind) + ", expected one of " + ROPE_SCALINGS);
      }
      for (String key : List.of("rope.scaling.factor", "rope.scale_linear", "rope.scaling.attn_factor",
          "rope.scaling.alpha", "rope.scaling.yarn_log_multiplier", "rope.scaling.yarn_ext_factor",
          "rope.scaling.yarn_attn_factor", "rope.scaling.yarn_beta_fast", "rope.scaling.yarn_beta_slow")) {
        number(key, 0, 0, 1e6f);
      }
      optional("rope.scaling.original_context_length", 1);
      metadata.bool(architecture + ".rope.scaling.finetuned");
      metadata.u32("general.file_type");
      metadata.u32(architecture + ".vocab_size");
    }

    /** A count that may stand there as one number or as one a layer; only the same in all layers is supported. */
    private int perLayer(String key, int layers, int otherwise) {
      String name = architecture + "." + key;
      GgufValue value = metadata.values().get(name);
      if (value == null && otherwise > 0) {
        return otherwise;
      }
      if (value == null || !value.isArray()) {
        return dimension(key, MAX_DIMENSION);
      }
      int[] values = metadata.ints(name).orElseThrow();
      if (values.length != layers || values[0] < 1 || values[0] > MAX_DIMENSION) {
        throw fail(name + " has " + values.length + " values, expected " + layers + " from 1 to " + MAX_DIMENSION);
      }
      for (int each : values) {
        if (each != values[0]) {
          throw fail(name + " differs between layers, which is not supported");
        }
      }
      return values[0];
    }

    private int dimension(String key, int most) {
      long value = required(key);
      if (value < 1 || value > most) {
        throw fail(architecture + "." + key + " is " + value + ", expected 1 to " + most);
      }
      return (int) value;
    }

    private long required(String key) {
      return metadata.requireU32(architecture + "." + key);
    }

    private long optional(String key, long otherwise) {
      long value = metadata.u32(architecture + "." + key).orElse(otherwise);
      if (value < 1) {
        throw fail(architecture + "." + key + " is " + value + ", expected at least 1");
      }
      return value;
    }

    private float number(String key, float otherwise, float least, float most) {
      double value = metadata.f32(architecture + "." + key).orElse(otherwise);
      if (!(value >= least && value <= most)) {
        throw fail(architecture + "." + key + " is " + value + ", expected " + least + " to " + most);
      }
      return (float) value;
    }

    private GgufException fail(String message) {
      return GgufException.in(file.path(), message);
    }
  }
}
