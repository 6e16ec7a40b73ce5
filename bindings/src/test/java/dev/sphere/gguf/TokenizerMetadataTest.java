package dev.sphere.gguf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.RandomModel;
import dev.sphere.gguf.model.GgufFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Combinations of what a tokenizer's metadata may say, two to six keys at a time: each file is refused in one line or
 * works in every way in which Sphere uses a vocabulary; no process ends.
 */
class TokenizerMetadataTest {
  private static final int FILES = 100 * Integer.getInteger("sphere.hostile.percent", 20);
  private static final String P = "tokenizer.ggml.";
  /** Is replaced by bytes that are no UTF-8, in the file; as long. */
  private static final String BAD = "\uE123\uE124";
  private static final byte[] NO_UTF8 = {(byte) 0xF7, (byte) 0xBF, (byte) 0xBF, (byte) 0xBF, (byte) 0x80, (byte) 0xC3};

  @TempDir Path dir;
  private final Random random = new Random(4);

  private <T> T any(List<T> list) {
    return list.get(random.nextInt(list.size()));
  }

  @Test
  void everyCombinationIsRefusedOrWorks() throws Exception {
    List<String> jobs = new ArrayList<>();
    List<String> names = new ArrayList<>();
    for (int i = 0; i < FILES; i++) {
      boolean model = i % 5 == 0;
      Map<String, GgufValue> keys =
          new LinkedHashMap<>(random.nextInt(3) == 0 ? Specimens.sentencePiece() : ByteVocabulary.metadata());
      List<String> how = new ArrayList<>();
      for (int changes = 2 + random.nextInt(5); changes > 0; changes--) {
        how.add(change(keys));
      }
      Path path = dir.resolve(i + (model ? ".model.gguf" : ".gguf"));
      write(path, keys, model);
      jobs.add(path + "\t" + TokenizerSurvival.MEDLEY + "\t0");
      names.add(i + ": " + how);
    }
    List<String> outcomes = TokenizerSurvival.run(jobs, dir);
    List<String> wrong = new ArrayList<>();
    Map<String, Integer> counts = new TreeMap<>();
    for (int i = 0; i < jobs.size(); i++) {
      String outcome = outcomes.get(i);
      counts.merge(outcome.split(" ")[0], 1, Integer::sum);
      if (!outcome.startsWith("used")
          && !outcome.matches("refused dev.sphere.(gguf.Gguf|bindings.load.Llama)Exception: .*")) {
        wrong.add(names.get(i) + " " + outcome);
      }
    }
    System.out.println("tokenizers by metadata: " + jobs.size() + " " + counts);
    assertEquals(List.of(), wrong);
    assertTrue(counts.get("used") > FILES / 20 && counts.get("refused") > FILES / 4, counts.toString());
  }

  /** llama.cpp asserts it when the first text is tokenized: these take no token by default, or add it unasked. */
  @Test
  void aStartTokenThatIsAddedMustBeNamed() {
    for (String pre : List.of("glm4", "chatglm-bpe", "gemma4", "granite-embed-multi-311m")) {
      Map<String, GgufValue> keys = new LinkedHashMap<>(ByteVocabulary.metadata());
      keys.put(P + "pre", GgufValue.string(pre));
      if (pre.contains("glm")) {
        keys.put(P + "add_bos_token", GgufValue.bool(true));
      } else {
        keys.put(P + "tokens", GgufValue.strings("a", "b"));
        List.of("token_type", "eos_token_id", "padding_token_id").forEach(key -> keys.remove(P + key));
      }
      keys.remove(P + "bos_token_id");
      GgufWriter writer = new GgufWriter().put("general.architecture", GgufValue.string("llama"));
      keys.forEach(writer::put);
      writer.writeFast(dir.resolve("start.gguf"));
      GgufException e = assertThrows(GgufException.class, () -> GgufFile.open(dir.resolve("start.gguf")).close());
      assertTrue(e.getMessage().contains("bos_token_id"), e.getMessage());
    }
  }

  private void write(Path path, Map<String, GgufValue> keys, boolean model) throws Exception {
    if (model) {
      RandomModel.Dimensions like = RandomModel.like(random.nextBoolean() ? "tiny-qwen2" : "tiny-llama");
      try {
        RandomModel.write(like, keys, GgmlType.F32, 1, path);
      } catch (RuntimeException e) {
        model = false; // it knows better than to write that
      }
    }
    if (!model) {
      GgufWriter writer = new GgufWriter()
          .put("general.architecture", GgufValue.string(any(List.of("llama", "qwen2", "bert", "t5", "jina-bert-v3"))));
      keys.forEach(writer::put);
      writer.writeFast(path);
    }
    byte[] bytes = Files.readAllBytes(path);
    byte[] bad = BAD.getBytes(StandardCharsets.UTF_8);
    for (int i = 0; i + bad.length <= bytes.length; i++) {
      if (bytes[i] == bad[0] && Arrays.equals(bytes, i, i + bad.length, bad, 0, bad.length)) {
        System.arraycopy(NO_UTF8, 0, bytes, i, bad.length);
      }
    }
    Files.write(path, bytes);
  }

  /** Makes one change and names it. */
  private String change(Map<String, GgufValue> keys) {
    return switch (random.nextInt(11)) {
      case 0 -> put(keys, "model", GgufValue.string(any(List.of("gpt2", "llama", "bert", "t5", "rwkv", "plamo2", "none",
          "no_vocab", "hybriddna", "whitespace", "gemma4", "test", "", "GPT2"))));
      case 1, 2 -> put(keys, "pre", GgufValue.string(random.nextInt(3) > 0 ? any(TokenizerTextTest.PRE)
          : any(List.of("glm4", "chatglm-bpe", "gemma4", "sarvam-moe", "whitespace", "kimi-k2", "llama3", "", "x"))));
      case 3, 4 -> put(keys, any(List.of("add_bos_token", "add_eos_token", "add_sep_token", "add_space_prefix",
          "remove_extra_whitespaces", "normalizer.lowercase", "normalizer.strip_accents")),
          random.nextInt(12) == 0 ? GgufValue.u32(1) : GgufValue.bool(random.nextInt(4) > 0));
      case 5, 6 -> id(keys);
      case 7 -> tokens(keys);
      case 8 -> types(keys);
      case 9 -> arrays(keys);
      default -> leaveOut(keys);
    };
  }

  private String put(Map<String, GgufValue> keys, String key, GgufValue value) {
    keys.put(key.startsWith("general") ? key : P + key, value);
    return key + " = " + (value.isArray() ? value.describe() : GgufException.quote(value.value().toString()));
  }

  private String id(Map<String, GgufValue> keys) {
    String key = any(List.of("bos", "eos", "eot", "eom", "unknown", "seperator", "padding", "mask", "cls", "fim_pre",
        "fim_suf", "fim_mid", "fim_pad", "fim_rep", "fim_sep", "prefix", "suffix", "middle")) + "_token_id";
    long count = keys.get(P + "tokens") == null ? 0 : keys.get(P + "tokens").length();
    if (random.nextInt(8) == 0) {
      return put(keys, key,
          any(List.of(i32(-1), GgufValue.u64(1), GgufValue.string("1"), u32s(1))));
    }
    return put(keys, key, GgufValue.u32(
        any(List.of(0L, 1L, 2L, 10L, 256L, 258L, count - 1, count, 0x7FFFFFFFL, 0xFFFFFFFFL)) & 0xFFFFFFFFL));
  }

  private String tokens(Map<String, GgufValue> keys) {
    GgufValue value = keys.get(P + "tokens");
    if (value == null || value.type() != GgufValue.Type.STRING || value.length() < 4) {
      return "nothing";
    }
    String[] tokens = ((String[]) value.value()).clone();
    if (random.nextInt(6) == 0) {
      int length = any(List.of(0, 1, 2, 3, 11, 12, 13, 200, 256));
      return put(keys, "tokens", GgufValue.strings(Arrays.copyOf(tokens, Math.min(length, tokens.length))));
    }
    StringBuilder how = new StringBuilder("tokens");
    for (int i = 1 + random.nextInt(4); i > 0; i--) {
      int at = any(List.of(0, 1, 2, 10, 13, 65, tokens.length - 1, tokens.length - 2, tokens.length - 3));
      tokens[at % tokens.length] = any(List.of("", "a", "\0", "\0a", "[EMPTY_7]", " ", "\n", "\n\n", "  ", "<0x0A>",
          "A ", "\u2581", "AA", "AAAA", BAD, BAD + "a", "a" + BAD, "<s>", "</s>", "<unk>", "<|endoftext|>",
          "<|return|>", "<|call|>", "<|calls|>", "<|end|>", "<|flush|>", "<|tool_response>", "<|channel|>", "<mask>", "[MASK]",
          "<oov>", "<dna>", "</dna>", "<|eot_id|>", "<EOT>", "<PAD>", "unused", "<0xZZ>", "<0x0", "\uFFFD",
          "x".repeat(4096), "y".repeat(70_000), "\\x4", "\\", "\uD83D"));
      how.append(' ').append(at).append('=').append(GgufException.quote(tokens[at % tokens.length]));
    }
    keys.put(P + "tokens", GgufValue.strings(tokens));
    return how.toString();
  }

  private String types(Map<String, GgufValue> keys) {
    GgufValue value = keys.get(P + "token_type");
    if (value == null || value.type() != GgufValue.Type.INT32 || value.length() == 0) {
      return "nothing";
    }
    int[] types = ((int[]) value.value()).clone();
    if (random.nextInt(5) == 0) {
      return put(keys, "token_type", GgufValue.i32s(Arrays.copyOf(types, random.nextInt(types.length + 9))));
    }
    StringBuilder how = new StringBuilder("types");
    for (int i = 1 + random.nextInt(4); i > 0; i--) {
      int at = any(List.of(0, 1, 2, 10, 13, 65, 97, types.length - 1, types.length - 2)) % types.length;
      types[at] = random.nextInt(12) == 0 ? any(List.of(-1, 7, Integer.MAX_VALUE)) : random.nextInt(7);
      how.append(' ').append(at).append('=').append(types[at]);
    }
    keys.put(P + "token_type", GgufValue.i32s(types));
    return how.toString();
  }

  private String arrays(Map<String, GgufValue> keys) {
    GgufValue tokens = keys.get(P + "tokens");
    int count = tokens == null || !tokens.isArray() ? 0 : tokens.length();
    float[] scores = new float[count];
    byte[] map = new byte[random.nextInt(40)];
    random.nextBytes(map);
    Consumer<Float> fill = score -> Arrays.fill(scores, score);
    return switch (random.nextInt(9)) {
      case 0 -> {
        fill.accept(any(List.of(Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, 0f, -1e38f)));
        yield put(keys, "scores", GgufValue.f32s(scores));
      }
      case 1 -> put(keys, "scores", any(List.of(GgufValue.f32s(), GgufValue.f32s(1, 2), GgufValue.i32s(new int[count]),
          GgufValue.f32(1), GgufValue.strings("1"))));
      case 2 -> put(keys, "merges", GgufValue.strings("A A", "AA AA", "Ġ a", "a b"));
      case 3 -> put(keys, "merges", any(List.of(GgufValue.strings("A", " ", "", "a ", " a", "a  b"),
          GgufValue.strings("\0 a", "a \0b"), GgufValue.strings(BAD + " " + BAD), GgufValue.string("a b"),
          GgufValue.i32s(1), GgufValue.strings("a " + "b".repeat(70_000)), GgufValue.strings("A A", "A A"))));
      case 4 -> put(keys, "precompiled_charsmap", new GgufValue(GgufValue.Type.UINT8, true, map));
      case 5 -> put(keys, "suppress_tokens", any(List.of(GgufValue.i32s(-1, 0, 5, count, Integer.MAX_VALUE),
          u32s(1), GgufValue.f32s(1))));
      case 6 -> put(keys, "general.name", GgufValue.string(any(
          List.of("Phi-3 mini", "phi3", "modern-bert", "\0phi3"))));
      case 7 -> put(keys, "token_type_count",
          any(List.of(GgufValue.u32(0), GgufValue.u32(0xFFFFFFFFL), i32(2))));
      default -> {
        keys.put("tokenizer.chat_template", any(List.of(GgufValue.string("{{ messages }}"), GgufValue.string(BAD),
            GgufValue.string(""), GgufValue.u32(1), GgufValue.strings("a"))));
        yield "chat_template";
      }
    };
  }

  private String leaveOut(Map<String, GgufValue> keys) {
    String key = any(List.copyOf(keys.keySet()));
    if (keys.size() > 3) {
      keys.remove(key);
    }
    return key + " left out";
  }

  private static GgufValue i32(int value) {
    return new GgufValue(GgufValue.Type.INT32, false, (long) value);
  }

  private static GgufValue u32s(int... values) {
    return new GgufValue(GgufValue.Type.UINT32, true, values);
  }
}
