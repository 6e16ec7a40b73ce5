package dev.sphere.trainer.evolve;

import dev.sphere.engine.data.Decontamination;
import dev.sphere.engine.data.ReadOptions;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.run.SearchPlan;
import dev.sphere.engine.settings.GivenSettings;
import dev.sphere.engine.settings.Nested;
import dev.sphere.engine.settings.Setting;
import dev.sphere.engine.settings.SettingSpec;
import dev.sphere.engine.settings.SettingsTree;
import dev.sphere.trainer.job.JobSettings;
import dev.sphere.trainer.job.PairSettings;
import dev.sphere.trainer.job.Tuning;
import dev.sphere.trainer.loss.LossSettings;
import io.soabase.recordbuilder.core.RecordBuilder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;
import tools.jackson.dataformat.yaml.YAMLMapper;

/**
 * Everything that an evolution run is told, read from one YAML file. What is not told has the default that flags have; an
 * unknown key is an error that names it and the nearest one. {@code recipes/paper.yaml} comments each value.
 *
 * @param name what reports call it
 * @param model the policy: a GGUF file or {@code embedded}
 * @param smallModel π_small of stage 3: a GGUF file or {@code embedded-small}; null: stage 3 is skipped and says so
 * @param problems the problems to search: a file or {@code embedded:train}
 * @param reading how problem files are read, and how many problems of that one
 * @param decontamination which of them are left out
 * @param seed of everything random
 * @param rounds most rounds; a round starts from the newest policy
 * @param freshProblems each round searches problems of its own
 * @param replay a round also learns from the pairs of the rounds before it (as SPIN does, arXiv 2401.01335, section 6.1)
 * @param reward what judges the steps of the rounds after the first
 * @param search how trees are grown and what is said to the models: of {@link #SEARCH}
 * @param train how the policy learns from the pairs: of {@link #TRAIN}
 * @param evaluate how base and evolved policy are compared; null where nothing is told of it
 * @param validate by which problems rounds are stopped and the best is chosen; null: by those of {@code evaluate}
 */
@RecordBuilder
public record Recipe(
    @Setting(def = "unnamed", label = "TEXT", help = "What reports call it.")
    String name,
    @Setting(label = "MODEL", help = "The policy: a GGUF file or embedded.")
    String model,
    @Setting(label = "MODEL", shown = "none: stage 3 is skipped", help = "The small model of stage 3: a GGUF file or embedded-small.")
    String smallModel,
    @Setting(label = "FILE", help = "The problems to search: a file or embedded:train.")
    String problems,
    @Nested
    ReadOptions reading,
    @Nested
    Decontamination.Settings decontamination,
    @Setting(def = "1", label = "N", help = "Seed of everything random.")
    long seed,
    @Setting(def = "1", range = "[1, )", label = "N", help = "Most rounds; each starts from the newest policy.")
    int rounds,
    @Setting(help = "Each round searches problems of its own: the n-th of as many equal parts of the set as there are rounds.")
    boolean freshProblems,
    @Setting(needs = "rounds",
        help = "A round also learns from the pairs of the rounds before it, so that what those taught is not unlearned.")
    boolean replay,
    @Setting(def = "fixed", needs = "rounds", label = "KIND",
        help = "What judges the steps from the second round on: fixed, what search.prm says; or implicit, the log-ratio of the "
            + "round's policy and the one that the round before began with, which is what that round's training learnt. Its β is "
            + "search.prm_beta, or train.beta where that is not told.")
    Reward reward,
    GivenSettings search,
    GivenSettings train,
    Evaluate evaluate,
    Validate validate) implements RecipeBuilder.With {
  /** The keys of {@code search}, and in the section "prompt" those of {@code prompt}. */
  public static final SettingsTree SEARCH = SearchPlan.SETTINGS.without("seed");

  /** The keys of {@code train}. */
  public static final SettingsTree TRAIN = JobSettings.SETTINGS.without("seed", "chat_template")
      .and(SettingsTree.of("The loss", LossSettings.class)).and(SettingsTree.of("The pairs", PairSettings.class));

  /** The keys at the top that are no sections. */
  public static final SettingsTree TOP = SettingsTree.of(Recipe.class);

  /** The keys of {@code evaluate}. */
  public static final SettingsTree EVALUATE = SettingsTree.of(Evaluate.class);

  /** The keys of {@code validate}. */
  public static final SettingsTree VALIDATE = SettingsTree.of(Validate.class);

  private static final String PROMPT = "prompt";
  private static final List<String> SECTIONS = List.of(PROMPT, "search", "train", "evaluate", "validate");

  /** What judges the steps of the rounds after the first. */
  public enum Reward {
    /** The process reward that the search is told. One that rolls the policy out, or reads it, is of the round's policy by itself. */
    FIXED,
    /** The implicit reward of the round before: log π of its outcome less log π of its beginning, times β (PRIME, arXiv 2502.01456). */
    IMPLICIT
  }

  public Recipe {
    require(model != null, "model", "a GGUF file or 'embedded'", model);
    require(problems != null, "problems", "a problem file or 'embedded:train'", problems);
    require(!replay || !TRAIN.make(PairSettings.class, train).siblings(), "replay", "false where train.siblings is true", true);
    require(reward != Reward.IMPLICIT || TRAIN.make(LossSettings.class, train).needsReference(), "reward",
        "fixed where the loss has no reference, since nothing trains a log-ratio then", "implicit");
    require(evaluate == null || !evaluate.atEnd() || validate != null, "evaluate.at_end",
        "false without validate.problems", true);
  }

  /**
   * How base and evolved policy are compared, greedily and on the same problems.
   *
   * @param problems a problem file or {@code embedded:test}; none of them may be among the searched ones
   * @param limit most problems; 0 takes all
   * @param maxTokens most tokens of an answer; null: as the model is spoken to (1024; embedded: 256)
   * @param samples sampled answers a problem besides the greedy one, at the temperature of the search, for pass@k and
   *     maj@k; 0: none
   * @param ngram problems that share so many words in a row with one of these are not searched, and are listed in
   *     decontamination.jsonl; 0: only problems with the same words throughout are refused
   * @param atEnd these problems are asked once, at the end: the base and the best round; until then validation tells
   * @param usual so many of them are asked at the end in the way that is usual for the model, which tells what the
   *     recipe's prompt brings by itself; 0: none
   */
  public record Evaluate(
      @Setting(label = "FILE", help = "The problems to compare on: a file or embedded:test; none may be among the searched ones.")
      String problems,
      @Setting(def = "0", shown = "0, all", range = "[0, )", label = "N", unit = "problems", help = "Only the first N of them.")
      int limit,
      @Setting(range = "[1, )", shown = "1024; embedded models: 256", label = "N", unit = "tokens",
          help = "Most tokens of an answer.")
      Integer maxTokens,
      @Setting(def = "0", range = "[0, 10000]", label = "K",
          help = "Sampled answers a problem besides the greedy one, before and after each round, at the temperature of the search: "
              + "pass@k tells new ability and maj@k sharpening.")
      int samples,
      @Setting(def = "0", range = "[0, )", label = "N", unit = "words",
          help = "Problems that share so many words in a row with one of these are not searched, and are listed in "
              + "decontamination.jsonl; 0: only problems with the same words throughout are refused.")
      int ngram,
      @Setting(help = "They are asked once, at the end: the base and the best round. Needs validate.problems, which tell "
          + "of the rounds until then.")
      boolean atEnd,
      @Setting(def = "0", range = "[0, )", label = "N", unit = "problems", needs = "at_end",
          help = "The first N of them are also asked of the base in the way that is usual for the model: what the "
              + "recipe's prompt brings by itself.")
      int usual) {
    public Evaluate {
      require(problems != null, "evaluate.problems", "a problem file or 'embedded:test'", problems);
    }
  }

  /**
   * By which problems rounds are stopped and the best one is chosen, so that those of {@code evaluate} only tell.
   *
   * @param problems a problem file or {@code embedded:validation}; none of them may be searched or evaluated
   * @param limit most problems; 0 takes all
   */
  public record Validate(
      @Setting(label = "FILE", shown = "those of evaluate, which then choose and tell both",
          help = "The problems by which rounds are stopped and the best is chosen: a file or embedded:validation; none may be "
              + "among the searched or evaluated ones.")
      String problems,
      @Setting(def = "0", shown = "0, all", range = "[0, )", label = "N", unit = "problems", help = "Only the first N of them.")
      int limit) {}

  /**
   * Reads a recipe.
   *
   * @throws IllegalArgumentException when the text is no recipe: the message names the key or the line
   */
  public static Recipe parse(String yaml) {
    return Parts.of(yaml, null).recipe(true);
  }

  /** Reads a recipe as a run's folder keeps it, where every default stands beside what was told. */
  static Recipe kept(String json) {
    return Parts.of(json, null).recipe(false);
  }

  /**
   * Reads a recipe from a file. Relative paths in it begin at the file's folder; the file's name stands in front of every
   * complaint.
   */
  public static Recipe read(Path file) throws IOException {
    return read(file, parts -> parts.recipe(true));
  }

  /** What a recipe's file says of a search: the keys of {@code search}, {@code prompt} and {@link #TOP}. */
  public static GivenSettings search(Path file) throws IOException {
    return read(file, parts -> parts.search.over(parts.top));
  }

  private static <T> T read(Path file, Function<Parts, T> as) throws IOException {
    String text = Files.readString(file);
    try {
      return as.apply(Parts.of(text, file.getParent()));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("recipe " + file + ": " + e.getMessage(), e);
    }
  }

  /** A recipe's sections, checked. */
  private record Parts(GivenSettings top, GivenSettings search, GivenSettings train, GivenSettings evaluate,
      GivenSettings validate, boolean compares) {
    static Parts of(String yaml, Path folder) {
      JsonNode root;
      try {
        root = new YAMLMapper().readTree(yaml);
      } catch (JacksonException e) {
        String where = e.getLocation() == null ? "" : " (line " + e.getLocation().getLineNr() + ")";
        throw new IllegalArgumentException(e.getOriginalMessage().lines().findFirst().orElse("unreadable") + where, e);
      }
      if (root == null || root.isMissingNode() || root.isNull()) {
        throw new IllegalArgumentException("the recipe is empty");
      }
      if (!root.isObject()) {
        throw new IllegalArgumentException("a recipe is names with values, not " + root.getNodeType());
      }
      ObjectNode rest = ((ObjectNode) root).deepCopy();
      SECTIONS.forEach(rest::remove);
      GivenSettings top = section(TOP, rest, "", folder);
      GivenSettings prompt = section(SEARCH.section(PROMPT), root.get(PROMPT), "prompt.", folder);
      return new Parts(top, section(SEARCH.section(""), root.get("search"), "search.", folder).over(prompt),
          section(TRAIN, root.get("train"), "train.", folder), section(EVALUATE, root.get("evaluate"), "evaluate.", folder),
          section(VALIDATE, root.get("validate"), "validate.", folder), root.hasNonNull("evaluate"));
    }

    private static GivenSettings section(SettingsTree tree, JsonNode part, String path, Path folder) {
      return tree.from(folder, tree.check(GivenSettings.of(part, path), path));
    }

    Recipe recipe(boolean strict) {
      if (strict) {
        TOP.requireEffects(top, n -> null, n -> n);
        SEARCH.requireEffects(search, n -> n.equals("small_model") ? top.has(n) : null, n -> "search." + n);
        TRAIN.requireEffects(train, n -> null, n -> "train." + n);
      }
      Map<String, Object> given = new LinkedHashMap<>();
      given.put("search", search);
      given.put("train", train);
      given.put("evaluate", compares ? EVALUATE.make(Evaluate.class, evaluate) : null);
      given.put("validate", validate.has("problems") ? VALIDATE.make(Validate.class, validate) : null);
      return TOP.make(Recipe.class, top, Map.of(), given);
    }
  }

  /** What is said to the models: what this recipe tells, over what is usual by the settings' names. */
  Prompts prompts(Map<String, Object> usual) {
    return SEARCH.make(Prompts.class, search, usual, Map.of());
  }

  /** Whether all weights are trained. */
  public boolean trainsAll() {
    return TRAIN.value("method", train) == Tuning.Method.FULL;
  }

  /** Whether a round's training has as many steps as it is told, whatever its pairs. */
  boolean trainsSteps() {
    return (Integer) TRAIN.value("steps", train) > 0;
  }

  /** All of it by section and key: as told, or the defaults; null where the model has it. */
  Map<String, Object> values() {
    Map<String, Object> all = SettingsTree.resultValues(this);
    all.put(PROMPT, SEARCH.section(PROMPT).values(search));
    all.put("search", SEARCH.section("").values(search));
    all.put("train", TRAIN.values(train));
    if (evaluate != null) {
      all.put("evaluate", SettingsTree.resultValues(evaluate));
    }
    all.put("validate", SettingsTree.resultValues(validate == null ? new Validate(null, 0) : validate));
    return all;
  }

  /**
   * How another recipe would give other results.
   *
   * @return a line of words for each key that differs; empty where the results are the same
   */
  List<String> differences(Recipe other) {
    Map<String, Object> mine = results();
    Map<String, Object> theirs = other.results();
    return mine.keySet().stream().filter(key -> !String.valueOf(mine.get(key)).equals(String.valueOf(theirs.get(key))))
        .map(key -> key + " is " + mine.get(key) + " there and " + theirs.get(key) + " now").toList();
  }

  /** The values of all keys that decide the results, by section and key. */
  private Map<String, Object> results() {
    Map<String, Object> flat = new LinkedHashMap<>();
    values().forEach((key, value) -> {
      if (value instanceof Map<?, ?> section) {
        section.forEach((k, v) -> flat.put(key + "." + k, v));
      } else {
        flat.put(key, value);
      }
    });
    SEARCH.settings().stream().filter(Recipe::isSpeed).forEach(s -> flat.remove("search." + s.name()));
    TRAIN.settings().stream().filter(Recipe::isSpeed).forEach(s -> flat.remove("train." + s.name()));
    return flat;
  }

  private static boolean isSpeed(SettingSpec setting) {
    return setting.about().effect() == Setting.Effect.SPEED;
  }

  private static void require(boolean holds, String key, String expected, Object value) {
    if (!holds) {
      throw new IllegalArgumentException(key + " must be " + expected + ", not " + value);
    }
  }
}
