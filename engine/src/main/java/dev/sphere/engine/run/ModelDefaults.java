package dev.sphere.engine.run;

import dev.sphere.engine.embedded.EmbeddedModels;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.gguf.model.GgufFile;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * Defaults that depend on the model: its prompts, the end of a step, and limits.
 *
 * @param prompts of the model
 * @param separator the text that ends a reasoning step
 * @param stepTokens most tokens of a step
 * @param solutionTokens most tokens of a whole solution
 */
public record ModelDefaults(Prompts prompts, String separator, int stepTokens, int solutionTokens) {
  /** Instruction-tuned models: steps end in an empty line. */
  public static ModelDefaults instructed() {
    return new ModelDefaults(Prompts.defaults(), "\n\n", 512, 1024);
  }

  /** The embedded models and what evolved from them: the bare question, a step a line. */
  public static ModelDefaults embedded() {
    return new ModelDefaults(EmbeddedModels.prompts(), "\n", 64, 256);
  }

  /** Its values by the names of settings. */
  public Map<String, Object> values() {
    Map<String, Object> all = new HashMap<>(prompts.values());
    all.putAll(Map.of("separator", separator, "max_step_tokens", stepTokens, "max_tokens", solutionTokens));
    return all;
  }

  /** The defaults for a GGUF file. The embedded family is recognised by its chat template. */
  public static ModelDefaults of(Path model) {
    try (GgufFile file = GgufFile.open(model)) {
      String template = file.metadata().string("tokenizer.chat_template").orElse("");
      return EmbeddedModels.CHAT_TEMPLATE.equals(template) ? embedded() : instructed();
    }
  }
}
