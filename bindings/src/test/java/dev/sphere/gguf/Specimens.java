package dev.sphere.gguf;

import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.RandomModel;
import dev.sphere.gguf.model.GgufFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Small sound files to be damaged: a BPE model, a SentencePiece model, an adapter. */
public final class Specimens {
  private Specimens() {}

  /** A qwen2 model of F32 with a tokenizer of bytes. */
  public static Path qwen2(Path dir) {
    Path path = dir.resolve("qwen2.gguf");
    RandomModel.write(RandomModel.like("tiny-qwen2"), ByteVocabulary.metadata(), GgmlType.F32, 1, path);
    return path;
  }

  /** A llama model of Q8_0 with a SentencePiece tokenizer, RoPE factors and all the optional keys. */
  public static Path llama(Path dir) {
    Path plain = dir.resolve("plain.gguf");
    RandomModel.write(RandomModel.like("tiny-llama"), sentencePiece(), GgmlType.Q8_0, 2, plain);
    Path path = dir.resolve("llama.gguf");
    try (GgufFile file = GgufFile.open(plain)) {
      GgufWriter writer = new GgufWriter().putAll(file.metadata())
          .put("llama.rope.scaling.type", GgufValue.string("yarn"))
          .put("llama.rope.scaling.factor", GgufValue.f32(4))
          .put("llama.rope.scaling.original_context_length", GgufValue.u32(256))
          .put("llama.attention.key_length", GgufValue.u32(16))
          .put("llama.attention.value_length", GgufValue.u32(16))
          .put("general.alignment", GgufValue.u32(64))
          .put("tokenizer.chat_template", GgufValue.string("{% for m in messages %}{{ m.content }}{% endfor %}"));
      file.tensors().values().forEach(tensor -> writer.copy(file, tensor));
      writer.tensor("rope_freqs.weight", GgmlType.F32, List.of(8L), new float[] {1, 1, 1, 1, 2, 4, 8, 8}).write(path);
    }
    return path;
  }

  /** A LoRA adapter for {@link #qwen2}, rank 4, alpha 8. */
  public static Path adapter(Path dir, Path model) {
    Path path = dir.resolve("adapter.gguf");
    GgufWriter writer = new GgufWriter().put("general.architecture", GgufValue.string("qwen2"))
        .put("general.type", GgufValue.string("adapter"))
        .put("adapter.type", GgufValue.string("lora"))
        .put("adapter.lora.alpha", GgufValue.f32(8));
    try (GgufFile file = GgufFile.open(model)) {
      for (String name : List.of("blk.0.attn_q.weight", "blk.1.ffn_down.weight", "blk.1.attn_output.weight")) {
        GgufTensor weight = file.tensor(name);
        writer.tensor(name + ".lora_a", GgmlType.F32, List.of(weight.dim(0), 4L), ramp(4 * weight.dim(0), 0.1f));
        writer.tensor(name + ".lora_b", GgmlType.F32, List.of(4L, weight.dim(1)), ramp(4 * weight.dim(1), 0.2f));
      }
    }
    writer.write(path);
    return path;
  }

  private static float[] ramp(long length, float step) {
    float[] values = new float[(int) length];
    for (int i = 0; i < values.length; i++) {
      values[i] = step * (i * 37 % 101 - 50) / 50;
    }
    return values;
  }

  /** 3 control tokens, 256 byte tokens, a few pieces with scores. */
  static Map<String, GgufValue> sentencePiece() {
    List<String> tokens = new ArrayList<>(List.of("<unk>", "<s>", "</s>"));
    for (int b = 0; b < 256; b++) {
      tokens.add(String.format("<0x%02X>", b));
    }
    tokens.addAll(List.of("▁", "a", "b", "ab", "▁ab", "1", "2", "12", "é"));
    float[] scores = new float[tokens.size()];
    int[] types = new int[tokens.size()];
    Arrays.fill(types, 0, 3, 3);
    types[0] = 2;
    Arrays.fill(types, 3, 259, 6);
    Arrays.fill(types, 259, types.length, 1);
    for (int i = 259; i < scores.length; i++) {
      scores[i] = 259 - i;
    }
    Map<String, GgufValue> keys = new LinkedHashMap<>();
    keys.put("tokenizer.ggml.model", GgufValue.string("llama"));
    keys.put("tokenizer.ggml.tokens", GgufValue.strings(tokens.toArray(String[]::new)));
    keys.put("tokenizer.ggml.scores", GgufValue.f32s(scores));
    keys.put("tokenizer.ggml.token_type", GgufValue.i32s(types));
    keys.put("tokenizer.ggml.bos_token_id", GgufValue.u32(1));
    keys.put("tokenizer.ggml.eos_token_id", GgufValue.u32(2));
    keys.put("tokenizer.ggml.unknown_token_id", GgufValue.u32(0));
    keys.put("tokenizer.ggml.add_bos_token", GgufValue.bool(true));
    keys.put("tokenizer.ggml.add_space_prefix", GgufValue.bool(true));
    return keys;
  }

  static byte[] bytes(Path path) {
    try {
      return Files.readAllBytes(path);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
