package dev.sphere.engine.embedded;

import dev.sphere.engine.prompt.Prompts;

/**
 * The chat template and the prompts of the embedded models. The laboratory makes the models (lab/src,
 * dev.sphere.lab.embedded).
 */
public final class EmbeddedModels {
  /**
   * One control token opens a turn and one closes it: short prompts, since a tiny model pays for every token. A model with
   * this template counts as one of the family, evolved ones too.
   */
  public static final String CHAT_TEMPLATE =
      "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
          + "{% if add_generation_prompt %}<|assistant|>{% endif %}";

  /** The request for a correction, in training and in search alike. */
  public static final String CORRECTION_REQUEST =
      "There is a mistake in this solution. Find it and solve the problem again.";

  private EmbeddedModels() {}

  /** The prompts of the embedded models: the bare question, and the request to correct that they were trained on. */
  public static Prompts prompts() {
    return new Prompts("", "{question}", CORRECTION_REQUEST, "");
  }
}
