package dev.sphere.lab.template;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.sphere.engine.embedded.EmbeddedModels;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import org.junit.jupiter.api.Test;

class RenderTemplatesTest {
  @Test
  void aModelsOwnTemplateAndItsTokens() {
    List<String> fields = Arrays.stream(RenderTemplates.ofModel("embedded").split(" ", -1))
        .map(f -> new String(Base64.getDecoder().decode(f), StandardCharsets.UTF_8)).toList();
    assertEquals(3, fields.size());
    assertEquals(EmbeddedModels.CHAT_TEMPLATE, fields.getFirst());
  }
}
