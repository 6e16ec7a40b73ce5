package dev.sphere.engine.model;

import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.interpret.RenderResult;
import com.hubspot.jinjava.interpret.TemplateError;
import com.hubspot.jinjava.lib.fn.ELFunctionDefinition;
import dev.sphere.bindings.Model;
import dev.sphere.bindings.Vocabulary;
import dev.sphere.engine.Policy.Message;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.format.DateTimeFormatter;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Turns a dialogue into the prompt that a model was trained on: a Jinja template as Hugging Face's chat templates are
 * (tool-free chat), rendered as their tokenizers do (trim_blocks, lstrip_blocks). Thread-safe.
 *
 * <p>For the same prompt every day, {@code strftime_now} is undefined where the template asks whether it is defined,
 * and 26 July 2024 (the default of Llama's templates) elsewhere.
 */
public final class ChatTemplate {
  /** The fallback: a turn a paragraph, without special tokens. */
  public static final ChatTemplate PLAIN =
      new ChatTemplate(
          "{% for message in messages %}"
              + "{% if message['role'] == 'user' %}{{ 'Problem: ' + message['content'] + '\\n\\n' }}"
              + "{% elif message['role'] == 'assistant' %}{{ 'Solution: ' + message['content'] + '\\n\\n' }}"
              + "{% else %}{{ message['content'] + '\\n\\n' }}{% endif %}{% endfor %}"
              + "{% if add_generation_prompt %}{{ 'Solution:' }}{% endif %}",
          "",
          "");

  private static final LocalDate TODAY = LocalDate.of(2024, 7, 26);

  private final String source;
  private final String template;
  private final String startToken;
  private final String endToken;
  private final Jinjava jinjava;

  /**
   * A template.
   *
   * @param source Jinja text
   * @param startToken the text of the model's start token, for {@code bos_token}; empty for none
   * @param endToken likewise {@code eos_token}
   */
  public ChatTemplate(String source, String startToken, String endToken) {
    this.source = source;
    this.template = prepare(source);
    this.startToken = startToken;
    this.endToken = endToken;
    this.jinjava =
        new Jinjava(
            JinjavaConfig.newBuilder()
                .withNestedInterpretationEnabled(false) // a problem's text is data, whatever braces it holds
                .withMaxOutputSize(16L << 20)
                .build());
    jinjava
        .getGlobalContext()
        .registerFunction(
            new ELFunctionDefinition("", "raise_exception", ChatTemplate.class, "raiseException", String.class));
    if (!source.contains("strftime_now is defined")) {
      jinjava
          .getGlobalContext()
          .registerFunction(
              new ELFunctionDefinition("", "strftime_now", ChatTemplate.class, "strftimeNow", String.class));
    }
  }

  /** The template in a model's file; {@link #PLAIN} when it has none. */
  public static ChatTemplate of(Model model) {
    return of(model, null);
  }

  /**
   * A template for a model.
   *
   * @param told the Jinja text; null or empty for the one in the model's file, {@link #PLAIN} where that has none
   */
  public static ChatTemplate of(Model model, String told) {
    String source = told == null || told.isBlank() ? model.chatTemplate() : told;
    if (source == null || source.isBlank()) {
      return PLAIN;
    }
    Vocabulary v = model.vocabulary();
    return new ChatTemplate(source, name(v, v.start()), name(v, v.end()));
  }

  /**
   * The Jinja text that a user names.
   *
   * @param told {@code plain} ({@link #PLAIN}), Jinja text (anything with {@code {{} or {@code {%}), or a file of it; null
   *     for none
   * @return the text; null for none
   * @throws IllegalArgumentException when the file cannot be read, or the text is no template
   */
  public static String named(String told) {
    if (told == null || told.equals("plain")) {
      return told == null ? null : PLAIN.source();
    }
    String source = told;
    if (!told.contains("{{") && !told.contains("{%")) {
      try {
        source = Files.readString(Path.of(told));
      } catch (IOException | InvalidPathException e) {
        throw new IllegalArgumentException(
            "the chat template '" + told + "' cannot be read: give plain, a file of Jinja text, or the text itself", e);
      }
    }
    new ChatTemplate(source, "", ""); // what is no template is refused here, with its reason
    return source;
  }

  private static String name(Vocabulary vocabulary, int token) {
    return token == Vocabulary.NONE ? "" : vocabulary.name(token);
  }

  /** The Jinja text. */
  public String source() {
    return source;
  }

  /**
   * Renders a dialogue.
   *
   * @param addGenerationPrompt ends with what opens the assistant's answer
   * @throws IllegalArgumentException when the template refuses the dialogue or cannot be rendered; the message says why
   */
  public String render(List<Message> messages, boolean addGenerationPrompt) {
    Map<String, Object> bindings = new HashMap<>();
    bindings.put(
        "messages", messages.stream().map(m -> Map.of("role", m.role(), "content", m.content())).toList());
    bindings.put("add_generation_prompt", addGenerationPrompt);
    bindings.put("bos_token", startToken);
    bindings.put("eos_token", endToken);
    RenderResult result = jinjava.renderForResult(template, bindings);
    if (!result.getErrors().isEmpty()) {
      TemplateError error = result.getErrors().getFirst();
      throw new IllegalArgumentException(
          "The chat template cannot render this dialogue: " + reason(error) + ". Give another template in the recipe.");
    }
    return result.getOutput();
  }

  /** What the template itself raised, or else what Jinjava says. */
  private static String reason(TemplateError error) {
    for (Throwable e = error.getException(); e != null; e = e.getCause()) {
      if (e instanceof Refusal) {
        return e.getMessage();
      }
    }
    return error.getMessage();
  }

  private static final class Refusal extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;

    Refusal(String message) {
      super(message);
    }
  }

  /** What Jinja2 understands and Jinjava does not, written in a way that both do. */
  private static String prepare(String source) {
    String text = source.endsWith("\n") ? source.substring(0, source.length() - 1) : source; // as Jinja2 does
    return JinjaWhitespace.resolve(text)
        .replaceAll("\\{% \\s*(generation|endgeneration)\\s* %\\}", "")
        // Jinjava reads a named argument's value only up to the first operator.
        .replaceAll("(namespace\\(|, *)(\\w+) *= *(\\w+\\|length - 1)(?=[,)])", "$1$2=($3)")
        .replace("[::-1]", "|reverse|list")
        .replace(".startswith(", ".startsWith(")
        .replace(".endswith(", ".endsWith(")
        .replace(".lstrip()", ".stripLeading()")
        .replace(".rstrip()", ".stripTrailing()");
  }

  /** For templates; not for callers. */
  public static Object raiseException(String message) {
    throw new Refusal(message);
  }

  /** For templates; not for callers. The few formats that templates use. */
  public static String strftimeNow(String format) {
    String java =
        format
            .replace("%d", "dd")
            .replace("%b", "MMM")
            .replace("%B", "MMMM")
            .replace("%Y", "yyyy")
            .replace("%m", "MM");
    return TODAY.format(DateTimeFormatter.ofPattern(java, Locale.ROOT));
  }
}
