package dev.sphere.engine.run;

import dev.sphere.engine.data.WorkedExamples;
import dev.sphere.engine.decode.Precision;
import dev.sphere.engine.eval.EvalSettings;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.settings.GivenSettings;
import dev.sphere.engine.settings.Setting;
import dev.sphere.engine.settings.SettingsTree;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import tools.jackson.core.JacksonException;
import tools.jackson.dataformat.yaml.YAMLMapper;

/**
 * How a benchmark is run, read from YAML; every value may be absent, and a flag of the command line takes its place.
 * {@code recipes/eval-*.yaml} hold the published benchmarks with their sources.
 *
 * @param head the values that are no flags
 * @param told its values of {@link #SETTINGS}
 */
public record EvalRecipe(Head head, GivenSettings told) {
  /** The settings of an evaluation, in a recipe and as flags. */
  public static final SettingsTree SETTINGS = SettingsTree.of("Answers", EvalSettings.class)
      .and(SettingsTree.of("Answers", Precision.class))
      .and(SettingsTree.of("What is said to the model", Prompts.class).without("correction", "corrected_after"))
      .and(SettingsTree.of("What is said to the model", WorkedExamples.Settings.class))
      .and(SettingsTree.of("Process reward", RewardSettings.class).only("prm", "rollouts").withoutDefault("prm"));

  private static final SettingsTree HEAD = SettingsTree.of(Head.class);

  /** A recipe without a value. */
  public static final EvalRecipe NONE = new EvalRecipe(new Head(null, null, null), GivenSettings.nothing());

  /**
   * The values of a recipe that are no flags.
   *
   * @param name what reports call it
   * @param problems the problem file or embedded set, where no flag names one
   * @param count how many problems the published set has; another number is noted on stderr
   */
  public record Head(
      @Setting(help = "What reports call it.") String name,
      @Setting(label = "FILE", help = "The problem file or embedded set.") String problems,
      @Setting(range = "[1, )", help = "How many problems the published set has; another number is noted.")
      Integer count) {}

  /** All keys of a recipe. */
  public static SettingsTree keys() {
    return HEAD.and(SETTINGS);
  }

  /**
   * Reads a recipe. Relative paths in it begin at the file's folder.
   *
   * @throws IllegalArgumentException naming file and key, when a key is unknown or a value has the wrong type
   */
  public static EvalRecipe read(Path file) throws IOException {
    try {
      GivenSettings all = keys().from(file.getParent(),
          keys().check(GivenSettings.of(new YAMLMapper().readTree(Files.readString(file)), ""), ""));
      List<String> head = HEAD.settings().stream().map(s -> s.name()).toList();
      return new EvalRecipe(HEAD.make(Head.class, all), all.without(head));
    } catch (JacksonException e) {
      throw new IllegalArgumentException("recipe " + file + ": " + e.getOriginalMessage(), e);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("recipe " + file + ": " + e.getMessage(), e);
    }
  }
}
