package dev.sphere.gguf.make;

import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.GgufException;
import dev.sphere.gguf.GgufValue;
import dev.sphere.gguf.GgufWriter;
import dev.sphere.gguf.Quantization;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Models with the exact dimensions of real ones and random weights: for tests, benchmarks and for trying the whole
 * pipeline where real weights can't be had. A weight is a function of (seed, tensor, index) alone, so that the same
 * call gives the same file on any machine.
 */
public final class RandomModel {
  /** Standard deviation of the weights, as models are initialised (GPT-2 and after). */
  private static final float DEVIATION = 0.02f;
  private static final int CHUNK = 1 << 20;
  private static final int TYPE_UNUSED = 5;

  /**
   * How a model's rotation is scaled to longer contexts than it was first trained for.
   *
   * @param width elements of a head that turn; 0 for all
   * @param kind none, linear, llama3 (a tensor of factors), yarn or longrope (two tensors of factors)
   * @param factor by which the context grew
   * @param original the context before
   */
  public record Rotary(int width, String kind, float factor, int original) {
    /** All of a head turns, nothing is scaled. */
    static final Rotary PLAIN = new Rotary(0, "none", 1, 0);
  }

  /**
   * A model's named dimensions.
   *
   * @param vocabulary rows of its embedding; 0 takes the vocabulary file as it is
   * @param rotary how much of a head turns, and how
   */
  public record Dimensions(
      String name, String architecture, int layers, int width, int heads, int kvHeads, int headWidth, int feedForward,
      int context, float ropeBase, float epsilon, boolean tied, int vocabulary, Rotary rotary) {
    /** A shape with the plain rotation; a name that begins with llama-3. gets Llama 3's factors. */
    public Dimensions(
        String name, String architecture, int layers, int width, int heads, int kvHeads, int headWidth, int feedForward,
        int context, float ropeBase, float epsilon, boolean tied, int vocabulary) {
      this(name, architecture, layers, width, heads, kvHeads, headWidth, feedForward, context, ropeBase, epsilon, tied,
          vocabulary, name.startsWith("llama-3.")
              ? new Rotary(0, "llama3", name.startsWith("llama-3.2") ? 32 : 8, 8192) : Rotary.PLAIN);
    }

    /** This shape with another number of layers: as much of a large model as a test can bear. */
    public Dimensions withLayers(int count) {
      return new Dimensions(name, architecture, count, width, heads, kvHeads, headWidth, feedForward, context, ropeBase,
          epsilon, tied, vocabulary, rotary);
    }

    /** This shape with another rotation. */
    public Dimensions withRotary(Rotary value) {
      return new Dimensions(name, architecture, layers, width, heads, kvHeads, headWidth, feedForward, context, ropeBase,
          epsilon, tied, vocabulary, value);
    }

    int ropeWidth() {
      return rotary.width == 0 ? headWidth : rotary.width;
    }
  }

  private static final Map<String, Dimensions> PRESETS = new LinkedHashMap<>();

  static {
    add(new Dimensions("qwen2.5-0.5b", "qwen2", 24, 896, 14, 2, 64, 4864, 32768, 1e6f, 1e-6f, true, 151936));
    add(new Dimensions("qwen2.5-1.5b", "qwen2", 28, 1536, 12, 2, 128, 8960, 32768, 1e6f, 1e-6f, true, 151936));
    add(new Dimensions("qwen2.5-3b", "qwen2", 36, 2048, 16, 2, 128, 11008, 32768, 1e6f, 1e-6f, true, 151936));
    add(new Dimensions("qwen2.5-7b", "qwen2", 28, 3584, 28, 4, 128, 18944, 32768, 1e6f, 1e-6f, false, 152064));
    add(new Dimensions("qwen3-0.6b", "qwen3", 28, 1024, 16, 8, 128, 3072, 40960, 1e6f, 1e-6f, true, 151936));
    add(new Dimensions("llama-3.2-1b", "llama", 16, 2048, 32, 8, 64, 8192, 131072, 5e5f, 1e-5f, true, 128256));
    add(new Dimensions("llama-3.2-3b", "llama", 28, 3072, 24, 8, 128, 8192, 131072, 5e5f, 1e-5f, true, 128256));
    add(new Dimensions("llama-3.1-8b", "llama", 32, 4096, 32, 8, 128, 14336, 131072, 5e5f, 1e-5f, false, 128256));
    add(new Dimensions("phi-3-mini", "phi3", 32, 3072, 32, 32, 96, 8192, 4096, 1e4f, 1e-5f, false, 32064));
    add(new Dimensions("phi-4-mini", "phi3", 32, 3072, 24, 8, 128, 8192, 131072, 1e4f, 1e-5f, true, 200064,
        new Rotary(96, "longrope", 32, 4096)));
    add(new Dimensions("phi-4", "phi3", 40, 5120, 40, 10, 128, 17920, 16384, 25e4f, 1e-5f, false, 100352));
    add(new Dimensions("qwen3-4b", "qwen3", 36, 2560, 32, 8, 128, 9728, 40960, 1e6f, 1e-6f, true, 151936));
    add(new Dimensions("qwen2-30m", "qwen2", 10, 512, 8, 2, 64, 1536, 4096, 1e6f, 1e-6f, true, 0));
    add(new Dimensions("tiny-qwen2", "qwen2", 2, 64, 4, 2, 16, 160, 1024, 1e4f, 1e-6f, true, 0));
    add(new Dimensions("tiny-qwen3", "qwen3", 2, 64, 4, 2, 32, 160, 1024, 1e4f, 1e-6f, true, 0));
    add(new Dimensions("tiny-llama", "llama", 2, 64, 4, 2, 16, 160, 1024, 1e4f, 1e-5f, false, 0));
    add(new Dimensions("tiny-phi3", "phi3", 2, 64, 4, 4, 16, 160, 1024, 1e4f, 1e-5f, false, 0));
    add(new Dimensions("tiny-phi4", "phi3", 2, 96, 4, 2, 24, 160, 1024, 1e4f, 1e-5f, true, 0,
        new Rotary(18, "longrope", 4, 256)));
    add(new Dimensions("tiny-qwen3-yarn", "qwen3", 2, 64, 4, 2, 32, 160, 1024, 1e4f, 1e-6f, true, 0,
        new Rotary(0, "yarn", 4, 256)));
  }

  private static void add(Dimensions like) {
    PRESETS.put(like.name, like);
  }

  /** The names that {@link #like} knows. */
  public static List<String> names() {
    return List.copyOf(PRESETS.keySet());
  }

  /** The dimensions of that name; IllegalArgumentException lists the names otherwise. */
  public static Dimensions like(String name) {
    Dimensions like = PRESETS.get(name);
    if (like == null) {
      throw new IllegalArgumentException("unknown shape '" + name + "'; there are " + String.join(", ", names()));
    }
    return like;
  }

  private final Dimensions like;
  private final GgmlType type;
  private final long seed;
  private final RandomWeights weights;
  private final GgufWriter writer = new GgufWriter();
  private int tensors;

  private RandomModel(Dimensions like, GgmlType type, long seed) {
    this.like = like;
    this.type = type;
    this.seed = seed;
    this.weights = new RandomWeights(seed);
  }

  /**
   * Writes a random model.
   *
   * @param tokenizer the metadata whose tokenizer.* keys it gets: of a vocabulary file, or {@link ByteVocabulary}'s
   * @param type of its matrices: F32, F16, BF16, Q8_0, or random blocks of Q4_0, Q4_K, Q5_K, Q6_K; norms and biases
   *     are F32
   */
  public static void write(Dimensions like, Map<String, GgufValue> tokenizer, GgmlType type, long seed, Path out) {
    if (!Quantization.canQuantize(type) && !RandomBlocks.canMake(type)) {
      throw new IllegalArgumentException(
          "a random model can be f32, f16, bf16, q8_0, q4_0, q4_k, q5_k or q6_k, not " + type.label());
    }
    new RandomModel(like, type, seed).run(tokenizer, out);
  }

  private void run(Map<String, GgufValue> tokenizer, Path out) {
    metadata();
    int vocabulary = tokenizer(tokenizer);
    matrix("token_embd.weight", like.width, vocabulary, 1);
    for (int i = 0; i < like.layers; i++) {
      layer("blk." + i + ".");
    }
    norm("output_norm.weight", like.width);
    if (!like.tied) {
      matrix("output.weight", like.width, vocabulary, 1);
    }
    RotaryEntries.tensors(writer, like);
    writer.write(out);
  }

  private void metadata() {
    String p = like.architecture + ".";
    writer.put("general.architecture", GgufValue.string(like.architecture))
        .put("general.type", GgufValue.string("model"))
        // "phi3" in a model's name makes llama.cpp look for Phi-3's own special tokens, which a vocabulary may lack.
        .put("general.name", GgufValue.string("random " + like.name.replace("phi3", "phi").replace("phi-3", "phi")))
        .put("general.file_type", GgufValue.u32(type.fileType()))
        .put("sphere.random.like", GgufValue.string(like.name))
        .put("sphere.random.seed", GgufValue.u64(seed))
        .put(p + "block_count", GgufValue.u32(like.layers))
        .put(p + "context_length", GgufValue.u32(like.context))
        .put(p + "embedding_length", GgufValue.u32(like.width))
        .put(p + "feed_forward_length", GgufValue.u32(like.feedForward))
        .put(p + "attention.head_count", GgufValue.u32(like.heads))
        .put(p + "attention.head_count_kv", GgufValue.u32(like.kvHeads))
        .put(p + "rope.freq_base", GgufValue.f32(like.ropeBase))
        .put(p + "attention.layer_norm_rms_epsilon", GgufValue.f32(like.epsilon));
    if (like.headWidth * like.heads != like.width) {
      writer.put(p + "attention.key_length", GgufValue.u32(like.headWidth))
          .put(p + "attention.value_length", GgufValue.u32(like.headWidth));
    }
    RotaryEntries.keys(writer, like);
    if (type.blockSize() > 1) {
      writer.put("general.quantization_version", GgufValue.u32(2));
    }
  }

  /**
   * Copies the tokenizer. llama.cpp wants as many tokens as the embedding has rows, so where the real model's
   * embedding is longer than its vocabulary, unused tokens fill it up, as in that model's own GGUF files.
   */
  private int tokenizer(Map<String, GgufValue> source) {
    if (!source.containsKey("tokenizer.ggml.tokens")) {
      throw new GgufException("the vocabulary has no tokenizer.ggml.tokens");
    }
    int there = source.get("tokenizer.ggml.tokens").length();
    int wanted = Math.max(there, like.vocabulary);
    source.forEach((key, value) -> {
      if (key.startsWith("tokenizer.")) {
        writer.put(key, switch (key) {
          case "tokenizer.ggml.tokens", "tokenizer.ggml.token_type", "tokenizer.ggml.scores" -> padded(value, wanted);
          default -> value;
        });
      }
    });
    writer.put(like.architecture + ".vocab_size", GgufValue.u32(wanted));
    return wanted;
  }

  private static GgufValue padded(GgufValue value, int wanted) {
    int there = value.length();
    return switch (value.value()) {
      case String[] tokens -> {
        String[] all = Arrays.copyOf(tokens, wanted);
        for (int i = there; i < wanted; i++) {
          all[i] = "[PAD" + i + "]";
        }
        yield GgufValue.strings(all);
      }
      case int[] types -> {
        int[] all = Arrays.copyOf(types, wanted);
        Arrays.fill(all, there, wanted, TYPE_UNUSED);
        yield GgufValue.i32s(all);
      }
      case float[] scores -> GgufValue.f32s(Arrays.copyOf(scores, wanted));
      default -> throw new GgufException("the vocabulary's token arrays have odd types");
    };
  }

  private void layer(String p) {
    int queries = like.heads * like.headWidth;
    int keys = like.kvHeads * like.headWidth;
    // The outputs of both halves of a block shrink with depth, so that the residual stream keeps its scale.
    float shrink = (float) (1 / Math.sqrt(2.0 * like.layers));
    norm(p + "attn_norm.weight", like.width);
    if (like.architecture.equals("phi3")) {
      matrix(p + "attn_qkv.weight", like.width, queries + 2L * keys, 1);
    } else {
      matrix(p + "attn_q.weight", like.width, queries, 1);
      matrix(p + "attn_k.weight", like.width, keys, 1);
      matrix(p + "attn_v.weight", like.width, keys, 1);
    }
    if (like.architecture.equals("qwen2")) {
      vector(p + "attn_q.bias", queries, 0);
      vector(p + "attn_k.bias", keys, 0);
      vector(p + "attn_v.bias", keys, 0);
    }
    if (like.architecture.equals("qwen3")) {
      norm(p + "attn_q_norm.weight", like.headWidth);
      norm(p + "attn_k_norm.weight", like.headWidth);
    }
    matrix(p + "attn_output.weight", queries, like.width, shrink);
    norm(p + "ffn_norm.weight", like.width);
    if (like.architecture.equals("phi3")) {
      matrix(p + "ffn_up.weight", like.width, 2L * like.feedForward, 1);
    } else {
      matrix(p + "ffn_gate.weight", like.width, like.feedForward, 1);
      matrix(p + "ffn_up.weight", like.width, like.feedForward, 1);
    }
    matrix(p + "ffn_down.weight", like.feedForward, like.width, shrink);
  }

  private void norm(String name, int length) {
    vector(name, length, 1);
  }

  private void vector(String name, int length, float mean) {
    float[] values = new float[length];
    weights.fill(values, length, tensors++, 0, DEVIATION);
    for (int i = 0; i < length; i++) {
      values[i] += mean;
    }
    writer.tensor(name, GgmlType.F32, List.of((long) length), values);
  }

  private void matrix(String name, long columns, long rows, float scale) {
    // A row that isn't whole blocks can't be quantised; F16 then, as llama.cpp's own quantiser falls back.
    GgmlType actual = columns % type.blockSize() == 0 ? type : GgmlType.F16;
    int tensor = tensors++;
    if (RandomBlocks.canMake(actual)) {
      long key = weights.key(tensor);
      writer.tensor(name, actual, List.of(columns, rows), out -> RandomBlocks.write(
          actual, columns * rows / actual.blockSize(), key, DEVIATION * scale, out));
      return;
    }
    writer.tensor(name, actual, List.of(columns, rows), out -> {
      float[] chunk = new float[(int) Math.min(CHUNK, columns * rows)];
      for (long at = 0; at < columns * rows; at += chunk.length) {
        int count = (int) Math.min(chunk.length, columns * rows - at);
        weights.fill(chunk, count, tensor, at, DEVIATION * scale);
        out.floats(chunk, 0, count);
      }
    });
  }
}
