package dev.sphere.engine.prompt;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.Policy.Message;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Templates in the shapes that real ones have. {@code lab/templates/compare.py} renders all of llama.cpp's tree with
 * Jinja2 beside us.
 */
class ChatTemplateTest {
  private static final List<Message> ASK = List.of(new Message("user", "1+1?"));
  private static final List<Message> TALK =
      List.of(
          new Message("system", "Be brief."),
          new Message("user", " A "),
          new Message("assistant", "B\nC"),
          new Message("user", "D"));

  /** ChatML with a default system turn, minus signs at block tags and expression tags: as Qwen2.5's. */
  private static final String CHATML =
      """
      {%- if messages[0]['role'] == 'system' %}
          {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
      {%- else %}
          {{- '<|im_start|>system\\nYou help.<|im_end|>\\n' }}
      {%- endif %}
      {%- for message in messages %}
          {%- if message.role == "user" or (message.role == "system" and not loop.first) or message.role == "assistant" %}
              {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
          {%- endif %}
      {%- endfor %}
      {%- if add_generation_prompt %}
          {{- '<|im_start|>assistant\\n' }}
      {%- endif %}
      """;

  /** Headers, bos_token, trimmed contents, a default date and a slice of the messages: as Llama 3's. */
  private static final String HEADERS =
      """
      {{- bos_token }}
      {%- if not date_string is defined %}
          {%- if strftime_now is defined %}
              {%- set date_string = strftime_now("%d %b %Y") %}
          {%- else %}
              {%- set date_string = "26 Jul 2024" %}
          {%- endif %}
      {%- endif %}

      {#- The system turn is taken out first. -#}
      {%- if messages[0]['role'] == 'system' %}
          {%- set system_message = messages[0]['content']|trim %}
          {%- set messages = messages[1:] %}
      {%- else %}
          {%- set system_message = "" %}
      {%- endif %}
      {{- "<|start|>system<|end|>\\n\\n" }}
      {{- "Today: " + date_string + "\\n" }}
      {{- system_message }}
      {{- "<|eot|>" }}
      {%- for message in messages %}
          {{- '<|start|>' + message['role'] + '<|end|>\\n\\n'+ message['content'] | trim + '<|eot|>' }}
      {%- endfor %}
      {%- if add_generation_prompt %}
          {{- '<|start|>assistant<|end|>\\n\\n' }}
      {%- endif %}
      """;

  @Test
  void chatMl() {
    ChatTemplate template = new ChatTemplate(CHATML, "", "<|im_end|>");
    assertEquals(
        "<|im_start|>system\nYou help.<|im_end|>\n<|im_start|>user\n1+1?<|im_end|>\n<|im_start|>assistant\n",
        template.render(ASK, true));
    assertEquals(
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n A <|im_end|>\n"
            + "<|im_start|>assistant\nB\nC<|im_end|>\n<|im_start|>user\nD<|im_end|>\n",
        template.render(TALK, false));
  }

  @Test
  void headers() {
    ChatTemplate template = new ChatTemplate(HEADERS, "<s>", "</s>");
    assertEquals(
        "<s><|start|>system<|end|>\n\nToday: 26 Jul 2024\nBe brief.<|eot|><|start|>user<|end|>\n\nA<|eot|>"
            + "<|start|>assistant<|end|>\n\nB\nC<|eot|><|start|>user<|end|>\n\nD<|eot|><|start|>assistant<|end|>\n\n",
        template.render(TALK, true));
  }

  @Test
  void trimAndLstripBlocksAsHuggingFaceHasThem() {
    String source =
        "a\n  {% if true %}\n b {{ 'x' }}\n  {# note #}\nc\n  {{ 'd' }}\n  {{- 'e' -}} \n{% endif %}\nf\n";
    // Jinja2 3.1.6 with trim_blocks and lstrip_blocks.
    assertEquals("a\n b x\nc\n  def", new ChatTemplate(source, "", "").render(ASK, true));
  }

  @Test
  void aProblemsTextIsNeverInterpreted() {
    String text = "{{ 7 * 6 }} {% if %} {# #} \\frac{1}{2} <b> \"q\" & 'r' }} %}";
    String out = new ChatTemplate(CHATML, "", "").render(List.of(new Message("user", text)), true);
    assertTrue(out.contains("user\n" + text + "<|im_end|>"), out);
    String plain = ChatTemplate.PLAIN.render(List.of(new Message("user", text)), true);
    assertEquals("Problem: " + text + "\n\nSolution:", plain);
  }

  @Test
  void aNamespaceRemembersAndReversedSlicesWork() {
    String source =
        "{% set ns = namespace(found=false, last=messages|length - 1) %}{% for m in messages[::-1] %}"
            + "{% if not ns.found and m.role == 'user' %}{% set ns.found = true %}{{ m.content }}{% endif %}"
            + "{% endfor %}/{{ ns.last }}/{{ ns.found }}";
    assertEquals("D/3/True", new ChatTemplate(source, "", "").render(TALK, true));
  }

  @Test
  void refusalsAndMistakesAreErrorsInOneLine() {
    ChatTemplate refusing = new ChatTemplate("{{ raise_exception('no system turns here') }}", "", "");
    String message =
        assertThrows(IllegalArgumentException.class, () -> refusing.render(ASK, true)).getMessage();
    assertTrue(message.contains("no system turns here"), message);
    assertThrows(IllegalArgumentException.class, () -> new ChatTemplate("{% for m in messages", "", ""));
    assertThrows(IllegalArgumentException.class, () -> new ChatTemplate("{% for m in messages %}x", "", ""));
  }

  @Test
  void aTemplateIsNamedAsPlainAsTextOrAsAFile(@TempDir Path folder) throws Exception {
    assertNull(ChatTemplate.named(null));
    assertEquals(ChatTemplate.PLAIN.source(), ChatTemplate.named("plain"));
    assertEquals(CHATML, ChatTemplate.named(CHATML));
    Path file = Files.writeString(folder.resolve("t.jinja"), "Question: {{ messages[0].content }}");
    assertEquals("Question: {{ messages[0].content }}", ChatTemplate.named(file.toString()));
    assertThrows(IllegalArgumentException.class, () -> ChatTemplate.named(folder.resolve("none").toString()));
    assertThrows(IllegalArgumentException.class, () -> ChatTemplate.named("{% for m in messages"));
  }
}
