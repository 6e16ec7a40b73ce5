package dev.sphere.engine.embedded;

import dev.sphere.gguf.GgufValue;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The embedded models' vocabulary and chat template, as GGUF metadata that llama.cpp loads. */
public final class EmbeddedTokenizer {
  /** Number of tokens: 256 bytes, the words of the problems, four control tokens. */
  public static final int SIZE = 640;

  static final String END = "<|end|>";
  static final List<String> CONTROLS = List.of("<|system|>", "<|user|>", "<|assistant|>", END);

  /**
   * One control token opens a turn and one closes it: short prompts, since a tiny model pays for every token. All models
   * of this family, evolved ones too, are known by it.
   */
  public static final String CHAT_TEMPLATE =
      "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
          + "{% if add_generation_prompt %}<|assistant|>{% endif %}";

  private EmbeddedTokenizer() {}

  /** Learns the vocabulary; always the same one. */
  public static BytePairTokenizer learn() {
    return BytePairTokenizer.learn(SftCorpus.tokenizerText(), SIZE, CONTROLS);
  }

  /** The tokenizer as GGUF metadata. */
  public static Map<String, GgufValue> metadata() {
    BytePairTokenizer t = learn();
    Map<String, GgufValue> m = new LinkedHashMap<>();
    m.put("tokenizer.ggml.model", GgufValue.string("gpt2"));
    m.put("tokenizer.ggml.pre", GgufValue.string("qwen2"));
    m.put("tokenizer.ggml.tokens", GgufValue.strings(t.tokens().toArray(String[]::new)));
    m.put("tokenizer.ggml.token_type", GgufValue.i32s(t.types()));
    m.put("tokenizer.ggml.merges", GgufValue.strings(t.merges().toArray(String[]::new)));
    m.put("tokenizer.ggml.eos_token_id", GgufValue.u32(t.control(END)));
    m.put("tokenizer.ggml.padding_token_id", GgufValue.u32(t.control(END)));
    m.put("tokenizer.ggml.add_bos_token", GgufValue.bool(false));
    m.put("tokenizer.chat_template", GgufValue.string(CHAT_TEMPLATE));
    return m;
  }
}
