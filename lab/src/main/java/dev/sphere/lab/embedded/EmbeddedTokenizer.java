package dev.sphere.lab.embedded;

import dev.sphere.engine.embedded.EmbeddedModels;
import dev.sphere.gguf.GgufValue;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The vocabulary and chat template of the models that are made here, as GGUF metadata that llama.cpp loads. */
final class EmbeddedTokenizer {
  /** Tokens: 256 bytes, the words of the problems, four control tokens. */
  static final int SIZE = 640;

  static final String END = "<|end|>";
  static final List<String> CONTROLS = List.of("<|system|>", "<|user|>", "<|assistant|>", END);

  private EmbeddedTokenizer() {}

  /** Learns the vocabulary; always the same one. */
  static BytePairTokenizer learn() {
    return BytePairTokenizer.learn(SftCorpus.tokenizerText(), SIZE, CONTROLS);
  }

  /** The tokenizer as GGUF metadata. */
  static Map<String, GgufValue> metadata(BytePairTokenizer t) {
    Map<String, GgufValue> m = new LinkedHashMap<>();
    m.put("tokenizer.ggml.model", GgufValue.string("gpt2"));
    m.put("tokenizer.ggml.pre", GgufValue.string("qwen2"));
    m.put("tokenizer.ggml.tokens", GgufValue.strings(t.tokens().toArray(String[]::new)));
    m.put("tokenizer.ggml.token_type", GgufValue.i32s(t.types()));
    m.put("tokenizer.ggml.merges", GgufValue.strings(t.merges().toArray(String[]::new)));
    m.put("tokenizer.ggml.eos_token_id", GgufValue.u32(t.control(END)));
    m.put("tokenizer.ggml.padding_token_id", GgufValue.u32(t.control(END)));
    m.put("tokenizer.ggml.add_bos_token", GgufValue.bool(false));
    m.put("tokenizer.chat_template", GgufValue.string(EmbeddedModels.CHAT_TEMPLATE));
    return m;
  }
}
