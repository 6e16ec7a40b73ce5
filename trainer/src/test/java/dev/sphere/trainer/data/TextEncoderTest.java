package dev.sphere.trainer.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.bindings.llama.Model;
import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.prompt.ChatTemplate;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.GgufValue;
import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.RandomModel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The token that a completion ends in: a vocabulary with two candidates, of which the file declares the second. */
class TextEncoderTest {
  private static final int TEXT_END = 256;
  private static final int TURN_END = 258;
  @TempDir Path dir;

  private int end(String template) {
    Map<String, GgufValue> keys = new HashMap<>(ByteVocabulary.metadata());
    if (template != null) {
      keys.put("tokenizer.chat_template", GgufValue.string(template));
    }
    Path file = dir.resolve("m.gguf");
    RandomModel.write(RandomModel.like("tiny-qwen2"), keys, GgmlType.F32, 0, file);
    try (Model model = Model.loadVocabulary(file)) {
      ChatTemplate chat = ChatTemplate.of(model);
      TextEncoder encoder = TextEncoder.of(model.vocabulary(), messages -> chat.prompt(messages, true));
      assertTrue(encoder.ends(TEXT_END) && encoder.ends(TURN_END));
      assertFalse(encoder.ends('a'));
      int[] drawn = {'y', TEXT_END};
      RowReport report = new RowReport("test", RowReport.OnBadRow.REFUSE);
      Example.Preference pair = new ExampleEncoder(encoder, 100, report).preferences(List.of(new PreferencePair(
          "line 1", "generation", "q", "y", "n", new int[] {'q'}, drawn, new int[] {'n', TURN_END}))).getFirst();
      assertArrayEquals(drawn, Arrays.copyOfRange(pair.chosen().tokens(), 1, pair.chosen().length()), "whatever token ended it, it is the only one");
      return encoder.end();
    }
  }

  @Test
  void theDeclaredTokenUnlessTheTemplateEndsTurnsInAnother() {
    assertEquals(TURN_END, end(null));
    String turns = "{% for m in messages %}{{ m['role'] }}:{{ m['content'] }}%s{% endfor %}";
    assertEquals(TEXT_END, end(turns.replace("%s", ByteVocabulary.END + "\n")));
    assertEquals(TURN_END, end(turns.replace("%s", "\n")), "no end of a generation: the declared one");
    assertEquals(TURN_END, end("{{ raise_exception('one message at a time') }}"));
  }
}
