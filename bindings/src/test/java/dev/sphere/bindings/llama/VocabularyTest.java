package dev.sphere.bindings.llama;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.bindings.load.AbiConstants;
import dev.sphere.bindings.load.LlamaException;
import dev.sphere.gguf.GgufException;
import dev.sphere.gguf.GgufValue;
import dev.sphere.gguf.GgufWriter;
import dev.sphere.gguf.make.ByteVocabulary;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Texts at their limits. What would end the process without its checks is tried in others: TokenizerTextTest. */
class VocabularyTest {
  @TempDir Path dir;

  private void with(String pre, Consumer<Vocabulary> use, String... more) {
    Map<String, GgufValue> keys = new HashMap<>(ByteVocabulary.metadata());
    keys.put("tokenizer.ggml.pre", GgufValue.string(pre));
    keys.put("tokenizer.ggml.add_bos_token", GgufValue.bool(true));
    GgufWriter writer = new GgufWriter().put("general.architecture", GgufValue.string("llama"));
    keys.forEach(writer::put);
    for (int i = 0; i < more.length; i += 2) {
      writer.put(more[i], GgufValue.string(more[i + 1]));
    }
    writer.write(dir.resolve("v.gguf"));
    try (Model model = Model.loadVocabulary(dir.resolve("v.gguf"))) {
      use.accept(model.vocabulary());
    }
  }

  private static String refusal(Vocabulary v, String text, boolean parseSpecial) {
    return assertThrows(LlamaException.class, () -> v.tokenize(text, false, parseSpecial)).getMessage();
  }

  @Test
  void aTextOfTheGreatestLengthIsTokenizedAndALongerOneRefused() {
    with("qwen2", v -> {
      String text = "ab ".repeat(AbiConstants.SPHERE_TOKENIZE_BYTES / 3) + "c";
      assertEquals(AbiConstants.SPHERE_TOKENIZE_BYTES, v.tokenize(text, false, false).length);
      String message = refusal(v, text + "d", false);
      assertTrue(message.contains("1048577 bytes") && message.contains("at most 1048576"), message);
    });
  }

  /** llama.cpp warns of the second start token, from the thread with the large stack: its log comes to Java. */
  @Test
  void aWarningFromTheLargeStackIsNoMatter() {
    with("deepseek-llm", v -> {
      String text = ByteVocabulary.END + "A".repeat(50_000);
      assertEquals(50_002, v.tokenize(text, true, true).length);
      assertEquals("A".repeat(50_000), v.detokenize(v.tokenize(text, true, true)));
    });
  }

  @Test
  void whatWouldTakeMinutesIsRefusedByName() {
    with("superbpe", v -> assertTrue(refusal(v, "7".repeat(40_000), false).contains("numbers")));
    with("deepseek-llm", v -> {
      assertTrue(refusal(v, "\t\u00A0".repeat(20_000) + "中", false).contains("white space"));
      assertEquals(20_003, v.tokenize("\t ".repeat(5_000) + "中" + "7 ".repeat(5_000), false, false).length);
    });
    with("qwen2", v -> {
      String ends = ByteVocabulary.TURN_END.repeat(70_000);
      assertTrue(refusal(v, ends, true).contains("special tokens"));
      assertEquals(ends.length(), v.tokenize(ends, false, false).length, "as text they are no matter");
      assertEquals(100_000, v.tokenize("<".repeat(100_000), false, true).length, "nor is what only begins like one");
    });
  }

  @Test
  void onlyTokenizersThatSphereUsesAreLoaded() {
    for (String model : new String[] {"bert", "t5", "rwkv", "plamo2", "none", "hybriddna", "gemma4", "whitespace"}) {
      GgufException e = assertThrows(GgufException.class, () -> with("qwen2", v -> { }, "tokenizer.ggml.model", model));
      assertTrue(e.getMessage().contains("'" + model + "' is not supported"), e.getMessage());
    }
  }
}
