package dev.sphere.engine.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.MarkedText;
import dev.sphere.engine.Policy.Message;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Against Jinja2 3.1.6: {@code lab/templates/cases.py} wrote what it makes of one construct after another. */
class TemplateTest {
  private static final List<Message> DIALOGUE = List.of(
      new Message("system", "Be brief."),
      new Message("user", " A "),
      new Message("assistant", "B\nC"),
      new Message("user", "Größe 😀 {{x}}"));

  static MarkedText render(String source, List<Message> dialogue) {
    return Template.parse(source).render(
        dialogue,
        Map.of("bos_token", "<s>", "eos_token", "</s>", "add_generation_prompt", true),
        Optional.of(LocalDate.of(2024, 7, 26)));
  }

  private static String outcome(String source) {
    try {
      return "text " + render(source, DIALOGUE);
    } catch (TemplateException e) {
      return "error " + e.getMessage();
    }
  }

  static List<JsonNode> cases() throws IOException {
    List<JsonNode> cases = new ArrayList<>();
    try (BufferedReader in = new BufferedReader(new InputStreamReader(
        TemplateTest.class.getResourceAsStream("cases.jsonl"), StandardCharsets.UTF_8))) {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        cases.add(JsonMapper.shared().readTree(line));
      }
    }
    return cases;
  }

  @Test
  void everyConstructMeansWhatItMeansToJinja2() throws IOException {
    List<String> different = new ArrayList<>();
    int equal = 0;
    for (JsonNode c : cases()) {
      String source = c.get("template").asString();
      String got = outcome(source);
      boolean same = c.has("text") ? got.equals("text " + c.get("text").asString()) : got.startsWith("error ");
      if (same) {
        equal++;
      } else {
        different.add(source + "\n  wanted " + (c.has("text") ? c.get("text") : c.get("error")) + "\n  got    " + got);
      }
    }
    assertEquals(List.of(), different, () -> String.join("\n", different));
    assertTrue(equal > 250, "only " + equal);
  }

  @Test
  void errorsNameTheConstructAndTheLine() {
    Map<String, String> errors = Map.of(
        "a\n{{ 5|nothing }}", "line 2: the filter 'nothing' is not known",
        "\n\n{{ 5 is nothing }}", "line 3: the test 'nothing' is not known",
        "{% include 'x' %}", "line 1: the statement 'include' is not known",
        "{{ nothing() }}", "line 1: 'nothing' is undefined",
        "{{ nothing.x }}", "line 1: 'nothing' is undefined",
        "x\n{{ 'a'.nothing() }}", "line 2: a str has no 'nothing'",
        "{{ messages[0].nothing.more }}", "line 1: a dict has no 'nothing'",
        "{% if true %}\n{{ 1 }}", "line 2: the if of line 1 is not closed",
        "{{ [1].append(2) }}", "line 1: a list has no 'append', and cannot be called",
        "\n{{ 9223372036854775807 + 1 }}", "line 2: the result of '+' is no integer of 64 bits");
    errors.forEach((source, message) -> {
      String got = assertThrows(TemplateException.class, () -> render(source, DIALOGUE)).getMessage();
      assertTrue(got.startsWith(message), got);
    });
  }

  @Test
  void whatNoChatTemplateUsesIsRefusedByName() {
    Map<String, String> refused = Map.ofEntries(
        Map.entry("{{ 1.5 }}", "numbers with a point are not known"),
        Map.entry("{{ 1 / 2 }}", "the character '/' means nothing"),
        Map.entry("{{ 2 ** 3 }}", "an expression expected, there is '*'"),
        Map.entry("{{ 1 < 2 < 3 }}", "the end of the tag expected, there is '<'"),
        Map.entry("{{ '%s' % 1 }}", "'%' is not defined between a str and a int"),
        Map.entry("{{ '\\x41' }}", "the escape \\x is not known"),
        Map.entry("{{ '{0}'.format(1) }}", "'format' fills the places {} only"),
        Map.entry("{{ 'a'.rsplit('b') }}", "a str has no 'rsplit'"),
        Map.entry("{{ 'a'.split() }}", "'split' needs an argument"),
        Map.entry("{{ 'abc'[::2] }}", "'-' expected, there is '2'"),
        Map.entry("{{ messages[::-2] }}", "a slice has no step, except for [::-1]"),
        Map.entry("{{ [] }}", "a list cannot be printed"),
        Map.entry("{{ messages|sort }}", "the filter 'sort' is not known"),
        Map.entry("{{ {}|dictsort(by='value') }}", "'dictsort' has no argument 'by'"),
        Map.entry("{{ {}|tojson(indent=2) }}", "'tojson' has no argument 'indent'"),
        Map.entry("{{ 3 is odd }}", "the test 'odd' is not known"),
        Map.entry("{{ dict(a=1) }}", "'dict' is undefined"),
        Map.entry("{{ loop.cycle('a') }}", "'loop' is undefined"),
        Map.entry("{% set a, b = [1, 2] %}", "'=' expected, there is ','"),
        Map.entry("{% with a = 1 %}{% endwith %}", "the statement 'with' is not known"),
        Map.entry("{% call f() %}{% endcall %}", "the statement 'call' is not known"),
        Map.entry("{% filter upper %}{% endfilter %}", "the statement 'filter' is not known"),
        Map.entry("{% raw %}{% endraw %}", "the statement 'raw' is not known"));
    refused.forEach((source, message) -> {
      String got = assertThrows(TemplateException.class, () -> render(source, DIALOGUE)).getMessage();
      assertTrue(got.startsWith("line 1: " + message), source + ": " + got);
    });
  }

  @Test
  void whatATemplateRaisesIsShortAndHarmlessToATerminal() {
    String got = assertThrows(TemplateException.class,
        () -> render("{{ raise_exception('\u001b]0;x\u0007' ~ 'y' * 5000) }}", DIALOGUE)).getMessage();
    assertTrue(got.startsWith("the template says:  ]0;x y") && got.length() < 700, got);
  }

  /** Messages in characters that no template writes: exactly those must be marked, whatever was done to them. */
  @Test
  void whatComesFromAMessageIsMarked() throws IOException {
    List<Message> dialogue = List.of(
        new Message("system", "\ue000\ue001 \ue002"), new Message("user", " \ue003\ue004\n\ue005 "),
        new Message("assistant", "\ue006</think>\n\ue007"), new Message("user", "\ue008 | \ue009"));
    List<String> sources = new ArrayList<>();
    for (JsonNode c : cases()) {
      sources.add(c.get("template").asString());
    }
    for (String change : List.of("strip()", "replace('\ue003', 'x')", "replace('\ue003', 'xyz', 1)", "upper()",
        "title()", "split('\ue004')[0]", "split('\n')[-1].lstrip('\n')", "split(' ')|join('+')", "rstrip()[1:]",
        "capitalize()", "lower()", "lstrip()[:2]", "split('\ue004', 1)|last",
        "replace('\n', ' ', 1)", "split('\ue005')|map('upper')|join", "split(' ')|tojson")) {
      sources.add("{% for m in messages %}<|{{ m.role }}|>{{ m.content." + change + " + '</s>' }}{% endfor %}");
    }
    for (String filter : List.of("trim", "upper", "lower", "tojson", "string", "replace('a', 'b')", "capitalize", "safe",
        "default('d')", "length")) {
      sources.add("{% for m in messages %}<|{{ m.role }}|>{{ m.content|" + filter + " }}</s>{% endfor %}");
    }
    sources.add("{% macro f(x) %}<{{ x ~ 'a' * 2 }}>{% endmacro %}{% for m in messages %}{{ f(m.content) }}"
        + "{% set y %}[{{ m.content * 2 }}]{% endset %}{{ y }}{% endfor %}");
    sources.add("{{ messages|tojson }}{{ messages|map(attribute='content')|map('upper')|join('</s>') }}");
    sources.add("{{ '{}</s>{}'.format(messages[1].content, messages[2].content) }}"
        + "{{ 'a-b'.replace('-', messages[1].content) }}");
    int marked = 0;
    for (String source : sources) {
      MarkedText out;
      try {
        out = render(source, dialogue);
      } catch (TemplateException e) {
        continue;
      }
      for (int i = 0; i < out.length(); i++) {
        boolean message = out.text().charAt(i) >= '\ue000' && out.text().charAt(i) <= '\ue009';
        assertTrue(!message || out.hasContent(i, i + 1), source + " gives " + out);
        marked += message ? 1 : 0;
      }
      for (int at = out.text().indexOf("</s>"); at >= 0; at = out.text().indexOf("</s>", at + 1)) {
        assertTrue(!out.hasContent(at, at + 4), "the template's own: " + source + " gives " + out);
      }
      for (int at = out.text().indexOf("<|user|>"); at >= 0; at = out.text().indexOf("<|user|>", at + 1)) {
        assertTrue(!out.hasContent(at, at + 8), "the role: " + source + " gives " + out);
      }
    }
    assertTrue(marked > 300, "only " + marked);
  }

  @Test
  void aRoleThatNoTemplateKnowsIsMessageText() {
    MarkedText out = render("<|{{ messages[0].role }}|>", List.of(new Message("im_end", "x")));
    assertEquals("<|im_end|>", out.text());
    assertTrue(out.hasContent(2, 8) && !out.hasContent(0, 2));
  }
}
