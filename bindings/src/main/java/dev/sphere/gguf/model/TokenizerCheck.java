package dev.sphere.gguf.model;

import dev.sphere.gguf.GgufException;
import dev.sphere.gguf.GgufMetadata;
import dev.sphere.gguf.GgufValue;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Checks the tokenizer in a file's metadata for what llama.cpp asserts instead of reporting: arrays of equal length,
 * tokens that are distinct, special ids in range, the byte tokens that a SentencePiece vocabulary falls back to.
 */
final class TokenizerCheck {
  private static final String P = "tokenizer.ggml.";
  private static final int MAX_TOKENS = 1 << 22;
  /** In characters, of a token or a merge: the time for a text grows with it. Published ones have some hundred. */
  private static final int MAX_TOKEN = 4096;
  private static final int TYPE_BYTE = 6;
  /** The tokenizers that Sphere uses; to llama.cpp's others texts and files are a danger of their own. */
  private static final Set<String> SUPPORTED = Set.of("gpt2", "llama");
  private static final List<String> SPECIAL = List.of("bos", "eos", "eot", "eom", "unknown", "separator", "seperator",
      "padding", "mask", "fim_pre", "fim_suf", "fim_mid", "fim_pad", "fim_rep", "fim_sep", "cls");
  /** Pre-tokenizers that begin every text with the BOS token, whether the file says so or not. */
  private static final Set<String> ADDS_BOS = Set.of("llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1",
      "pixtral", "midm-2.0", "lfm2", "jina-v5-nano", "tekken", "chameleon");
  /** Pre-tokenizers that begin every text with the BOS token even if the file forbids it. */
  private static final Set<String> FORCES_BOS = Set.of("gemma4", "granite-embed-multi-311m");
  /** Pre-tokenizers without the BOS token that llama.cpp assumes for other BPE vocabularies. */
  private static final Set<String> NO_DEFAULT_BOS = Set.of("glm4", "chatglm-bpe");

  private final GgufFile file;
  private final GgufMetadata metadata;

  private TokenizerCheck(GgufFile file) {
    this.file = file;
    this.metadata = file.metadata();
  }

  static void check(GgufFile file) {
    new TokenizerCheck(file).run();
  }

  /** The number of tokens of a model's tokenizer. */
  static int tokens(GgufFile file) {
    String[] tokens = file.metadata().strings(P + "tokens").orElseThrow(() -> file.metadata().missing(P + "tokens"));
    if (tokens.length < 1 || tokens.length > MAX_TOKENS) {
      throw GgufException.in(file.path(), "the tokenizer has " + tokens.length + " tokens, expected 1 to "
          + MAX_TOKENS);
    }
    return tokens.length;
  }

  /** Refuses a tokenizer that Sphere does not use. */
  static void requireSupported(GgufFile file) {
    String model = file.metadata().requireString(P + "model");
    if (!SUPPORTED.contains(model)) {
      throw GgufException.in(file.path(),
          "the tokenizer model " + GgufException.quote(model) + " is not supported (gpt2 and llama are)");
    }
  }

  private void run() {
    String model = metadata.requireString(P + "model");
    String pre = metadata.string(P + "pre").orElse("default");
    if (file.kind() == GgufFile.Kind.MODEL && ModelShape.supports(file.architecture())) {
      requireSupported(file);
    }
    metadata.string("tokenizer.chat_template");
    if (!metadata.has(P + "tokens")) {
      return;
    }
    String[] tokens = metadata.strings(P + "tokens").orElseThrow();
    int count = tokens(file);
    Set<String> texts = distinct(tokens);
    boolean typed = sameLength("token_type", GgufValue.Type.INT32, count);
    int[] types = typed ? metadata.ints(P + "token_type").orElseThrow() : null;
    if (metadata.has(P + "scores")) {
      boolean integers = metadata.values().get(P + "scores").type() == GgufValue.Type.INT32;
      sameLength("scores", integers ? GgufValue.Type.INT32 : GgufValue.Type.FLOAT32, count);
      if (!integers) {
        scores(metadata.floats(P + "scores").orElseThrow());
      }
    }
    if (types != null) {
      byteTokens(tokens, types);
    }
    special(model, pre, count);
    phi3(texts);
    if (model.equals("gpt2")) {
      merges();
      if (pre.equals("whitespace")) {
        throw fail("the pre-tokenizer 'whitespace' is not supported");
      }
    } else if (model.equals("llama")) {
      byteFallback(texts);
    }
  }

  /** llama.cpp asserts that tokens differ; to it a text ends at a zero byte, and an empty one gets a made-up name. */
  private Set<String> distinct(String[] tokens) {
    Set<String> texts = new HashSet<>(2 * tokens.length);
    for (int i = 0; i < tokens.length; i++) {
      int zero = tokens[i].indexOf('\0');
      String text = zero < 0 ? tokens[i] : tokens[i].substring(0, zero);
      if (text.length() > MAX_TOKEN) {
        throw fail("token " + i + " has " + text.length() + " characters, at most " + MAX_TOKEN + " are allowed");
      }
      if (!texts.add(text.isEmpty() ? "[EMPTY_" + i + "]" : text)) {
        throw fail("token " + i + ", " + GgufException.quote(text) + ", stands in the vocabulary twice");
      }
    }
    return texts;
  }

  private boolean sameLength(String key, GgufValue.Type type, int count) {
    GgufValue value = metadata.values().get(P + key);
    if (value == null) {
      return false;
    }
    if (!value.isArray() || value.type() != type || value.length() != count) {
      throw fail(P + key + " is " + value.describe() + ", expected "
          + new GgufValue(type, false, 0L).describe() + "[" + count + "], one for each token");
    }
    return true;
  }

  private void scores(float[] scores) {
    for (int i = 0; i < scores.length; i++) {
      if (Float.isNaN(scores[i])) {
        throw fail("the score of token " + i + " is not a number");
      }
    }
  }

  private void byteTokens(String[] tokens, int[] types) {
    for (int i = 0; i < types.length; i++) {
      if (types[i] < 0 || types[i] > TYPE_BYTE) {
        throw fail("token " + i + " has the type " + types[i] + ", expected 0 to " + TYPE_BYTE);
      }
      if (types[i] == TYPE_BYTE && !tokens[i].matches("<0x[0-9A-Fa-f]{2}>")) {
        throw fail("token " + i + " is a byte token, but its text is " + GgufException.quote(tokens[i])
            + ", not like <0x0A>");
      }
    }
  }

  private void special(String model, String pre, int count) {
    for (String name : SPECIAL) {
      String key = P + name + "_token_id";
      long id = metadata.u32(key).orElse(0);
      if (id >= count) {
        throw fail(key + " is " + id + ", but there are " + count + " tokens");
      }
    }
    boolean sentencePiece = model.equals("llama");
    // What llama.cpp takes where the file names none: 1 and 2 of a SentencePiece vocabulary, 11 of a BPE one.
    boolean bos = metadata.has(P + "bos_token_id") || !sentencePiece && !NO_DEFAULT_BOS.contains(pre) && count > 11
        || sentencePiece && count > 1;
    boolean eos = metadata.has(P + "eos_token_id") || count > (sentencePiece ? 2 : 11);
    boolean addsBos = metadata.bool(P + "add_bos_token").orElse(sentencePiece || ADDS_BOS.contains(pre))
        || !sentencePiece && FORCES_BOS.contains(pre);
    if (addsBos && !bos) {
      throw fail("the tokenizer begins each text with a BOS token, but names none (" + P + "bos_token_id)");
    }
    if (metadata.bool(P + "add_eos_token").orElse(false) && !eos) {
      throw fail("the tokenizer ends each text with an EOS token, but names none (" + P + "eos_token_id)");
    }
    metadata.bool(P + "add_sep_token");
    metadata.bool(P + "add_space_prefix");
    metadata.bool(P + "remove_extra_whitespaces");
    metadata.bool("tokenizer.ggml.normalizer.lowercase");
    metadata.bool("tokenizer.ggml.normalizer.strip_accents");
    metadata.u32(P + "token_type_count");
    if (metadata.has(P + "suppress_tokens")) {
      metadata.ints(P + "suppress_tokens");
    }
  }

  /** llama.cpp treats a model with this name as Phi-3 and fails with "unordered_map::at" where it isn't. */
  private void phi3(Set<String> texts) {
    String name = metadata.string("general.name").orElse("").toLowerCase(java.util.Locale.ROOT);
    if (name.contains("phi-3") || name.contains("phi3")) {
      for (String token : List.of("</s>", "<unk>", "<s>", "<|endoftext|>")) {
        if (!texts.contains(token)) {
          throw fail("general.name says Phi-3, whose token " + token + " is missing from the vocabulary");
        }
      }
    }
  }

  private void merges() {
    String[] merges = metadata.strings(P + "merges").orElseThrow(() -> metadata.missing(P + "merges"));
    for (int i = 0; i < merges.length; i++) {
      int space = merges[i].indexOf(' ', 1);
      if (merges[i].length() > MAX_TOKEN) {
        throw fail("merge " + i + " has " + merges[i].length() + " characters, at most " + MAX_TOKEN + " are allowed");
      }
      if (space < 1 || space == merges[i].length() - 1) {
        throw fail("merge " + i + " is " + GgufException.quote(merges[i])
            + ", expected two parts with a space between");
      }
    }
  }

  /**
   * A character that is no token is spelled in byte tokens; llama.cpp throws through its C API where one is missing.
   */
  private void byteFallback(Set<String> texts) {
    for (int b = 0; b < 256; b++) {
      String text = String.format("<0x%02X>", b);
      if (!texts.contains(text) && (b == 0 || b > 127 || !texts.contains(String.valueOf((char) b)))) {
        throw fail("the vocabulary has no token for the byte " + text);
      }
    }
  }

  private GgufException fail(String message) {
    return GgufException.in(file.path(), message);
  }
}
