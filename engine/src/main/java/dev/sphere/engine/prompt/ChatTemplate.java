package dev.sphere.engine.prompt;

import dev.sphere.bindings.llama.Model;
import dev.sphere.bindings.llama.Vocabulary;
import dev.sphere.engine.MarkedText;
import dev.sphere.engine.Policy.Message;
import dev.sphere.engine.template.Template;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * Turns a dialogue into the prompt that a model was trained on: a Jinja template as Hugging Face's chat templates are
 * (tool-free chat), rendered as their tokenizers do. Thread-safe.
 *
 * <p>A template comes with a stranger's model: what it can reach and how much it may do is bounded ({@link
 * dev.sphere.engine.template}).
 *
 * <p>For the same prompt every day, {@code strftime_now} is undefined where the template asks whether it is defined,
 * and 26 July 2024 (the default of Llama's templates) elsewhere.
 */
public final class ChatTemplate {
  private static final LocalDate TODAY = LocalDate.of(2024, 7, 26);

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

  private final String source;
  private final Template template;
  private final Map<String, Object> tokens;
  private final Optional<LocalDate> today;

  /**
   * A template.
   *
   * @param source Jinja text
   * @param startToken the text of the model's start token, for {@code bos_token}; empty for none
   * @param endToken the text of the end token, for {@code eos_token}; empty for none
   * @throws IllegalArgumentException when the text is no template; names what is not understood, and its line
   */
  public ChatTemplate(String source, String startToken, String endToken) {
    this.source = source;
    this.template = parse(source);
    this.tokens = Map.of("bos_token", startToken, "eos_token", endToken);
    this.today = source.contains("strftime_now is defined") ? Optional.empty() : Optional.of(TODAY);
  }

  private static Template parse(String source) {
    try {
      return Template.parse(source);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "The chat template cannot be read: " + e.getMessage() + ". Give another template in the recipe.", e);
    }
  }

  /** The template in a model's file; {@link #PLAIN} when it has none. */
  public static ChatTemplate of(Model model) {
    return of(model, null);
  }

  /**
   * A template for a model.
   *
   * @param text the Jinja text; null or empty for the one in the model's file, {@link #PLAIN} where that has none
   */
  public static ChatTemplate of(Model model, String text) {
    String source = text == null || text.isBlank() ? model.chatTemplate().orElse("") : text;
    if (source.isBlank()) {
      return PLAIN;
    }
    Vocabulary v = model.vocabulary();
    return new ChatTemplate(source, name(v, v.start()), name(v, v.end()));
  }

  /** {@link #named} for settings. */
  public static final class Named implements Function<String, String> {
    @Override
    public String apply(String text) {
      return named(text);
    }
  }

  /**
   * The Jinja text that a user names.
   *
   * @param text {@code plain} ({@link #PLAIN}), Jinja text (anything with {@code {{} or {@code {%}), or a file of it;
   *     null for none
   * @return the text; null for none
   * @throws IllegalArgumentException when the file cannot be read, or the text is no template
   */
  public static String named(String text) {
    if (text == null || text.equals("plain")) {
      return text == null ? null : PLAIN.source();
    }
    String source = text;
    if (!text.contains("{{") && !text.contains("{%")) {
      try {
        source = Files.readString(Path.of(text));
      } catch (IOException | InvalidPathException e) {
        throw new IllegalArgumentException(
            "the chat template '" + text + "' cannot be read: give plain, a file of Jinja text, or the text itself", e);
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
   * @return the prompt; marked is what comes from the messages
   * @throws IllegalArgumentException when the template refuses the dialogue or cannot be rendered; the message says why
   */
  public MarkedText prompt(List<Message> messages, boolean addGenerationPrompt) {
    Map<String, Object> values = new HashMap<>(tokens);
    values.put("add_generation_prompt", addGenerationPrompt);
    try {
      return template.render(messages, values, today);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "The chat template cannot render this dialogue: " + e.getMessage() + ". Give another template in the recipe.",
          e);
    }
  }

  /** The text of {@link #prompt}. */
  public String render(List<Message> messages, boolean addGenerationPrompt) {
    return prompt(messages, addGenerationPrompt).text();
  }
}
