package dev.sphere.engine.eval;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.exc.UnrecognizedPropertyException;
import tools.jackson.dataformat.yaml.YAMLMapper;

/**
 * How a benchmark is run, read from YAML; every value may be absent, and a flag of the command line takes its place.
 * {@code recipes/eval-*.yaml} hold the published benchmarks with their sources.
 *
 * @param name what reports call it
 * @param problems the problem file or embedded set
 * @param count how many problems the published set has; another number is said on stderr
 * @param system the system turn
 * @param question the user's turn, with {@code {question}}
 * @param template how a dialogue is rendered: plain, Jinja text or a file of it
 * @param greedy whether there is a greedy answer; absent: true
 * @param samples k
 * @param temperature of the samples
 * @param topP of the samples
 * @param maxTokens most tokens of an answer
 * @param seed of the samples
 * @param stop texts that end an answer
 */
public record EvalRecipe(
    String name,
    String problems,
    Integer count,
    String system,
    String question,
    String template,
    Boolean greedy,
    Integer samples,
    Float temperature,
    @JsonProperty("top_p") Float topP,
    @JsonProperty("max_tokens") Integer maxTokens,
    Long seed,
    List<String> stop) {
  /** Says nothing. */
  public static final EvalRecipe NONE =
      new EvalRecipe(null, null, null, null, null, null, null, null, null, null, null, null, null);

  /**
   * Reads a recipe.
   *
   * @throws IllegalArgumentException naming file and key, when a key is unknown or a value has the wrong type
   */
  public static EvalRecipe read(Path file) throws IOException {
    YAMLMapper yaml = YAMLMapper.builder().enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES).build();
    try {
      EvalRecipe r = yaml.readValue(Files.readString(file), EvalRecipe.class);
      return r == null ? NONE : r;
    } catch (UnrecognizedPropertyException e) {
      throw new IllegalArgumentException("recipe " + file + ": there is no key \"" + e.getPropertyName()
          + "\"; there are name, problems, count, system, question, template, greedy, samples, temperature, top_p, max_tokens, "
          + "seed, stop", e);
    } catch (JacksonException e) {
      throw new IllegalArgumentException("recipe " + file + ": " + e.getOriginalMessage(), e);
    }
  }
}
