package dev.sphere.gguf.make;

import dev.sphere.gguf.GgufValue;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The smallest useful tokenizer: one token a byte, and three control tokens. Any text survives it unchanged, and a
 * model with it stays small. It is a BPE vocabulary without merges, which llama.cpp reads as it reads GPT-2's.
 */
public final class ByteVocabulary {
  /** Ends a text, and pads. */
  public static final String END = "<|endoftext|>";
  /** Begins a turn of a chat. */
  public static final String TURN_START = "<|im_start|>";
  /** Ends a turn of a chat. */
  public static final String TURN_END = "<|im_end|>";
  /** Token ids: byte b has the id b; the control tokens follow. */
  public static final int SIZE = 259;

  private ByteVocabulary() {}

  /** The tokenizer.* keys of a GGUF file. */
  public static Map<String, GgufValue> metadata() {
    List<String> tokens = new ArrayList<>();
    int next = 256;
    for (int b = 0; b < 256; b++) {
      // GPT-2's alphabet: a byte that is a visible Latin-1 character stands for itself, the others follow from U+0100.
      boolean visible = b > 32 && b < 127 || b > 160 && b < 256 && b != 173;
      tokens.add(String.valueOf((char) (visible ? b : next++)));
    }
    tokens.addAll(List.of(END, TURN_START, TURN_END));
    int[] types = new int[SIZE];
    java.util.Arrays.fill(types, 0, 256, 1);
    java.util.Arrays.fill(types, 256, SIZE, 3);
    Map<String, GgufValue> keys = new LinkedHashMap<>();
    keys.put("tokenizer.ggml.model", GgufValue.string("gpt2"));
    keys.put("tokenizer.ggml.pre", GgufValue.string("qwen2"));
    keys.put("tokenizer.ggml.tokens", GgufValue.strings(tokens.toArray(String[]::new)));
    keys.put("tokenizer.ggml.token_type", GgufValue.i32s(types));
    keys.put("tokenizer.ggml.merges", GgufValue.strings());
    keys.put("tokenizer.ggml.bos_token_id", GgufValue.u32(256));
    keys.put("tokenizer.ggml.eos_token_id", GgufValue.u32(258));
    keys.put("tokenizer.ggml.padding_token_id", GgufValue.u32(256));
    keys.put("tokenizer.ggml.add_bos_token", GgufValue.bool(false));
    return keys;
  }
}
