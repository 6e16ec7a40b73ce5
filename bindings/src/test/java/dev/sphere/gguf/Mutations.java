package dev.sphere.gguf;

import dev.sphere.gguf.model.GgufFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/**
 * Damaged and hostile variants of a sound file, in an order that depends on the seed alone. Some are raw (bits, lengths,
 * truncation), some are sound containers with contents that contradict each other: a writer makes those.
 */
final class Mutations {
  /** A variant and how it came about. */
  record Mutant(String how, byte[] bytes) {}

  private final byte[] sound;
  private final Path scratch;
  private final Random random;
  private final int percent;
  private final Consumer<Mutant> sink;

  private Mutations(byte[] sound, int percent, Path scratch, long seed, Consumer<Mutant> sink) {
    this.sound = sound;
    this.percent = percent;
    this.scratch = scratch;
    this.random = new Random(seed);
    this.sink = sink;
  }

  /**
   * All variants of a file.
   *
   * @param percent of them to make, drawn by the seed
   * @param scratch a file name that may be used
   */
  static void of(Path sound, int percent, Path scratch, long seed, Consumer<Mutant> sink) {
    Mutations mutations = new Mutations(Specimens.bytes(sound), percent, scratch, seed, sink);
    mutations.bits(10 * percent);
    mutations.numbers();
    mutations.truncations();
    try (GgufFile file = GgufFile.open(sound)) {
      mutations.metadata(file);
      mutations.tensors(file);
      mutations.tokenizer(file);
    }
  }

  private void bits(int count) {
    int head = HeadMap.end(sound);
    for (int i = 0; i < count; i++) {
      byte[] bytes = sound.clone();
      int at = random.nextInt(head);
      int bit = random.nextInt(8);
      bytes[at] ^= (byte) (1 << bit);
      sink.accept(new Mutant("bit " + bit + " of byte " + at, bytes));
    }
    for (int i = 0; i < count / 10; i++) {
      byte[] bytes = sound.clone();
      int from = random.nextInt(head);
      int length = Math.min(1 + random.nextInt(16), bytes.length - from);
      for (int j = 0; j < length; j++) {
        bytes[from + j] = (byte) random.nextInt();
      }
      sink.accept(new Mutant(length + " random bytes from " + from, bytes));
    }
  }

  /** Every count, length, type, dimension and offset in turn (of the tokenizer's hundreds a sample), made extreme. */
  private void numbers() {
    long[] extremes = {0, 1, -1, 2, 3, 5, 31, 33, 64, 255, 65535, 1L << 20, Integer.MAX_VALUE, 1L << 31, 1L << 32,
        1L << 40, Long.MAX_VALUE, Long.MIN_VALUE, Long.MAX_VALUE - 31};
    for (HeadMap.Point point : HeadMap.of(sound)) {
      boolean common = point.what().startsWith("element");
      int tries = common ? random.nextInt(12) == 0 ? 1 : 0 : Math.max(1, 5 * percent / 100);
      for (int i = 0; i < tries; i++) {
        byte[] bytes = sound.clone();
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        long old = point.size() == 4 ? buffer.getInt(point.offset()) : buffer.getLong(point.offset());
        long value = i == 0 ? old + (random.nextBoolean() ? 1 : -1) : extremes[random.nextInt(extremes.length)];
        if (point.size() == 4) {
          buffer.putInt(point.offset(), (int) value);
        } else {
          buffer.putLong(point.offset(), value);
        }
        sink.accept(new Mutant(point.what() + " at " + point.offset() + " = " + value, bytes));
      }
    }
  }

  private void truncations() {
    for (HeadMap.Point point : HeadMap.of(sound)) {
      if (!point.what().startsWith("element") || random.nextInt(20) == 0) {
        truncate(point.offset());
        truncate(point.offset() + 1 + random.nextInt(point.size()));
      }
    }
    truncate(0);
    truncate(HeadMap.end(sound));
    truncate(sound.length - 1);
    for (int i = 0; i < 10; i++) {
      truncate(HeadMap.end(sound) + random.nextInt(sound.length - HeadMap.end(sound)));
    }
  }

  private void truncate(int length) {
    sink.accept(new Mutant("cut to " + length + " bytes", Arrays.copyOf(sound, length)));
  }

  private void metadata(GgufFile file) {
    List<GgufValue> others = List.of(GgufValue.u32(0), GgufValue.u32(1), GgufValue.u32(3), GgufValue.u32(17),
        GgufValue.u32(1L << 20), GgufValue.u32(0x7FFFFFFFL), GgufValue.u32(0xFFFFFFFFL), i32(-1),
        GgufValue.u64(-1), GgufValue.f32(0), GgufValue.f32(-1), GgufValue.f32(Float.NaN), GgufValue.f32(1e-30f),
        GgufValue.f32(Float.POSITIVE_INFINITY), GgufValue.bool(true), GgufValue.bool(false), GgufValue.string(""),
        GgufValue.string("llama"), GgufValue.string("linear"), GgufValue.string("longrope"), GgufValue.strings(),
        u32s(), u32s(1, 2), GgufValue.i32s(2, 2), GgufValue.f32s(1, 2),
        new GgufValue(GgufValue.Type.UINT16, false, 7L), new GgufValue(GgufValue.Type.FLOAT64, false, 1.0));
    for (String key : file.metadata().values().keySet()) {
      rewrite(file, key + " left out", keys -> keys.remove(key), tensor -> tensor);
      for (GgufValue other : others) {
        rewrite(file, key + " = " + text(other), keys -> keys.put(key, other), tensor -> tensor);
      }
    }
    String p = file.architecture() + ".";
    for (String key : List.of("expert_count", "expert_used_count", "attention.causal", "pooling_type", "vocab_size",
        "attention.key_length", "attention.value_length", "rope.dimension_count", "rope.scaling.type",
        "rope.scaling.factor", "rope.scaling.attn_factor", "attention.sliding_window", "nextn_predict_layers",
        "attention.key_length_swa", "embedding_length_out", "rope.scaling.original_context_length",
        "rope.scaling.yarn_log_multiplier", "attention.clamp_kqv", "attention.scale", "logit_scale",
        "attention.temperature_scale", "leading_dense_block_count", "decoder_start_token_id", "swin_norm",
        "use_parallel_residual", "attention.max_alibi_bias", "rope.dimension_sections",
        "classifier.output_labels", "attention.head_count_kv", "rope.scaling.finetuned", "expert_group_count")) {
      for (GgufValue other : others) {
        rewrite(file, p + key + " = " + text(other), keys -> keys.put(p + key, other), tensor -> tensor);
      }
    }
    for (String key : List.of("general.alignment", "split.count", "general.type", "general.file_type", "general.name",
        "general.sampling.temp", "general.sampling.sequence", "tokenizer.ggml.eot_token_id",
        "tokenizer.ggml.token_type_count", "tokenizer.ggml.suppress_tokens", "tokenizer.ggml.add_eos_token",
        "tokenizer.ggml.add_sep_token", "tokenizer.ggml.precompiled_charsmap", "adapter.alora.invocation_tokens",
        "tokenizer.ggml.unknown_token_id", "tokenizer.ggml.normalizer.lowercase", "adapter.lora.task_name")) {
      for (GgufValue other : others) {
        rewrite(file, key + " = " + text(other), keys -> keys.put(key, other), tensor -> tensor);
      }
    }
    rewrite(file, "alignment 8", keys -> keys.put("general.alignment", GgufValue.u32(8)), tensor -> tensor);
    rewrite(file, "alignment 1", keys -> keys.put("general.alignment", GgufValue.u32(1)), tensor -> tensor);
  }

  private static String text(GgufValue value) {
    return value.isArray() ? value.describe() : value.describe() + " " + value.value();
  }

  private void tensors(GgufFile file) {
    for (GgufTensor tensor : file.tensors().values()) {
      String name = tensor.name();
      rewrite(file, name + " left out", keys -> {}, each -> each.name().equals(name) ? null : each);
      change(file, tensor, "renamed", new GgufTensor(name + "x", tensor.type(), tensor.shape(), 0, 0));
      List<Long> flat = List.of(tensor.elements());
      change(file, tensor, "flat", new GgufTensor(name, tensor.type(), flat, 0, 0));
      List<Long> turned = new ArrayList<>(tensor.shape());
      java.util.Collections.reverse(turned);
      change(file, tensor, "turned", new GgufTensor(name, GgmlType.F32, turned, 0, 0));
      List<Long> longer = new ArrayList<>(tensor.shape());
      longer.set(longer.size() - 1, longer.getLast() + 32);
      change(file, tensor, "longer", new GgufTensor(name, GgmlType.F32, longer, 0, 0));
      List<Long> deep = new ArrayList<>(tensor.shape());
      deep.add(2L);
      change(file, tensor, "with one more dimension", new GgufTensor(name, tensor.type(), deep, 0, 0));
      List<Long> one = new ArrayList<>(tensor.shape());
      one.add(1L);
      change(file, tensor, "with a dimension of 1", new GgufTensor(name, tensor.type(), one, 0, 0));
      for (GgmlType type : GgmlType.values()) {
        if (tensor.rowLength() % type.blockSize() == 0) {
          change(file, tensor, "as " + type, new GgufTensor(name, type, tensor.shape(), 0, 0));
        }
      }
    }
  }

  private void change(GgufFile file, GgufTensor tensor, String how, GgufTensor other) {
    rewrite(file, tensor.name() + " " + how, keys -> {}, each -> each.name().equals(tensor.name()) ? other : each);
  }

  private void tokenizer(GgufFile file) {
    String[] tokens = file.metadata().strings("tokenizer.ggml.tokens").orElse(null);
    if (tokens == null) {
      return;
    }
    for (String text : List.of("", "a", "\0", "\0a", "[EMPTY_7]", " ", "<0x0A>", "\uFFFD", "x".repeat(5000), tokens[5])) {
      for (int i : new int[] {0, 5, 8, tokens.length - 1}) {
        String[] other = tokens.clone();
        other[i] = text;
        rewrite(file, "token " + i + " = " + GgufException.quote(text),
            keys -> keys.put("tokenizer.ggml.tokens", GgufValue.strings(other)), tensor -> tensor);
      }
    }
    for (int length : new int[] {0, 1, 5, tokens.length - 1, tokens.length + 1}) {
      String[] other = Arrays.copyOf(tokens, length);
      if (length > tokens.length) {
        other[length - 1] = "more";
      }
      rewrite(file, length + " tokens", keys -> keys.put("tokenizer.ggml.tokens", GgufValue.strings(other)), each -> each);
      rewrite(file, length + " types", keys -> keys.put("tokenizer.ggml.token_type", GgufValue.i32s(new int[length])),
          each -> each);
      rewrite(file, length + " scores", keys -> keys.put("tokenizer.ggml.scores", GgufValue.f32s(new float[length])),
          each -> each);
    }
    for (int type : new int[] {-1, 0, 1, 2, 3, 4, 5, 6, 7, Integer.MAX_VALUE}) {
      int[] types = new int[tokens.length];
      Arrays.fill(types, type);
      rewrite(file, "all token types " + type, keys -> keys.put("tokenizer.ggml.token_type", GgufValue.i32s(types)),
          each -> each);
    }
    for (String merge : List.of("", " ", "a", "a ", " a", "a b", "a b c", "\0 \0", "a  b", "▁ ▁", "Ġ Ġ")) {
      rewrite(file, "merge " + GgufException.quote(merge),
          keys -> keys.put("tokenizer.ggml.merges", GgufValue.strings(merge)), each -> each);
    }
    for (String model : List.of("gpt2", "llama", "bert", "t5", "rwkv", "none", "no_vocab", "test", "plamo2", "gemma4",
        "whitespace", "hybriddna", "")) {
      rewrite(file, "tokenizer " + model, keys -> keys.put("tokenizer.ggml.model", GgufValue.string(model)), each -> each);
    }
    for (String pre : List.of("llama-bpe", "default", "whitespace", "gemma4", "tekken", "no-such", "kimi-k2", "")) {
      rewrite(file, "pre-tokenizer " + pre, keys -> keys.put("tokenizer.ggml.pre", GgufValue.string(pre)), each -> each);
    }
  }

  /** Writes the file again with other keys and tensors; {@code tensors} answers null for one to leave out. */
  private void rewrite(GgufFile file, String how, Consumer<Map<String, GgufValue>> keys, UnaryOperator<GgufTensor> tensors) {
    if (random.nextInt(100) >= percent) {
      return;
    }
    Map<String, GgufValue> values = new LinkedHashMap<>(file.metadata().values());
    keys.accept(values);
    GgufWriter writer = new GgufWriter();
    try {
      values.forEach(writer::put);
    } catch (RuntimeException e) {
      return; // an alignment that the writer won't write; the numbers above have those
    }
    for (GgufTensor tensor : file.tensors().values()) {
      GgufTensor other = tensors.apply(tensor);
      if (other != null) {
        writer.tensor(other.name(), other.type(), other.shape(),
            out -> out.bytes(ByteBuffer.allocate((int) other.type().bytes(other.elements()))));
      }
    }
    writer.writeFast(scratch);
    sink.accept(new Mutant(how, Specimens.bytes(scratch)));
  }

  private static GgufValue i32(int value) {
    return new GgufValue(GgufValue.Type.INT32, false, (long) value);
  }

  private static GgufValue u32s(int... values) {
    return new GgufValue(GgufValue.Type.UINT32, true, values);
  }
}
