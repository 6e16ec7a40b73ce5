package dev.sphere.trainer.evolve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.sphere.engine.run.SearchPlan;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.RandomModel;
import dev.sphere.trainer.Flat;
import java.lang.reflect.RecordComponent;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every key of a recipe, changed alone, changes in the engine's and the trainer's settings what it should, and no
 * more.
 */
class PlansTest {
  private static final long SEED = 11;

  @TempDir
  static Path folder;

  private static Path model;

  @BeforeAll
  static void files() {
    model = folder.resolve("m.gguf");
    RandomModel.write(RandomModel.like("tiny-qwen2"), ByteVocabulary.metadata(), GgmlType.F32, 5, model);
  }

  /**
   * A key with a value, and what it changes.
   *
   * @param key with its section
   * @param value as YAML has it
   * @param with other keys that both recipes have, as YAML
   * @param changes NAME=VALUE for each component
   */
  record Case(String key, String value, String with, List<String> changes) {
    @Override
    public String toString() {
      return key + ": " + value;
    }
  }

  private static Case key(String key, String value, String... changes) {
    return new Case(key, value, "", List.of(changes));
  }

  private static Case with(String others, String key, String value, String... changes) {
    return new Case(key, value, others, List.of(changes));
  }

  static List<Case> cases() {
    return List.of(
        key("prompt.template", "plain", "search.stages.prompts.template=PLAIN", "train.template=PLAIN"),
        key("prompt.system", "Be brief", "search.stages.prompts.system=Be brief"),
        key("prompt.question", "'Q {question}'", "search.stages.prompts.question=Q {question}"),
        key("prompt.correction", "Again", "search.stages.prompts.correction=Again"),
        key("prompt.corrected_after", "Now", "search.stages.prompts.correctedAfter=Now"),
        key("search.stages", "[generation, diversity]", "search.stages.correction=false"),
        key("search.stages", "[generation, correction]", "search.stages.diversity=false"),
        key("search.prm", "outcome", "search.prm.kind=outcome"),
        key("search.rollouts", "3", "search.prm.monteCarlo.rollouts=3"),
        key("search.candidates", "7", "search.search.candidates=7"),
        key("search.temperature", "0.5", "search.search.sampling.temperature=0.5",
            "search.prm.monteCarlo.sampling.temperature=0.5"),
        key("search.depth", "9", "search.search.maxDepth=9"),
        key("search.simulations", "6", "search.search.simulations=6"),
        key("search.advantage_weight", "2.5", "search.search.advantageWeight=2.5"),
        with("train: {rejected: first_step}", "search.separator", "'; '", "search.search.separator=; ",
            "train.stepSeparator=; "),
        key("search.max_step_tokens", "31", "search.search.sampling.maxTokens=31"),
        key("search.max_tokens", "97", "search.prm.monteCarlo.sampling.maxTokens=97"),
        key("search.pairing", "any", "search.stages.pairing=ANY"),
        key("search.pairs_per_stage", "9", "search.stages.pairsPerStage=9"),
        key("search.pairs_per_problem", "8", "search.stages.rules.perProblem=8"),
        key("search.near_duplicates", "0.75", "search.stages.rules.nearDuplicate=0.75"),
        key("search.max_length_ratio", "3", "search.stages.rules.lengthRatio=3.0"),
        key("search.guessed_answers", "true", "search.stages.rules.guessed=true"),
        key("search.strategy", "beam", "search.strategy=StrategySettings", "search.strategy.kind=BEAM",
            "search.strategy.budget=4000", "search.strategy.beams=8", "search.strategy.width=4",
            "search.strategy.aggregation=LAST"),
        with("search: {strategy: beam}", "search.budget", "900", "search.strategy.budget=900"),
        key("search.early_stop", "true", "search.prm.monteCarlo.stopWhenDecided=true"),
        key("search.parallel", "3", "search.parallel=3"),
        key("train.method", "full", "train.tuning.rank=0", "train.tuning.alpha=0.0", "train.tuning.targets=[]"),
        key("train.loss", "ipo", "loss.losses=[IPO]"),
        key("train.loss", "'sigmoid, sft'", "loss.losses=[SIGMOID, SFT]", "loss.weights=[1.0, 1.0]"),
        with("train: {loss: 'sigmoid,sft'}", "train.loss_weights", "[1, 0.25]", "loss.weights=[1.0, 0.25]"),
        key("train.rejected", "first_step", "train.stepSeparator=\n\n"),
        key("train.beta", "0.7", "loss.beta=0.7"),
        key("train.optimizer", "sgd", "train.settings.optimizer.kind=SGD"),
        key("train.learning_rate", "3e-4", "train.settings.optimizer.learningRate=3.0E-4"),
        key("train.schedule", "cosine", "train.settings.schedule.kind=COSINE"),
        key("train.warmup", "0.25", "train.settings.schedule.warmupRatio=0.25"),
        key("train.warmup", "7", "train.settings.schedule.warmupSteps=7", "train.settings.schedule.warmupRatio=0.0"),
        key("train.epochs", "4", "train.settings.epochs=4"),
        key("train.batch_pairs", "5", "train.settings.batchSize=5"),
        key("train.lora_rank", "3", "train.tuning.rank=3", "train.tuning.alpha=6.0"),
        key("train.lora_alpha", "9", "train.tuning.alpha=9.0"),
        key("train.weight_decay", "0.125", "train.settings.optimizer.weightDecay=0.125"),
        key("train.max_grad_norm", "0.5", "train.settings.optimizer.maxGradNorm=0.5"),
        key("train.max_length", "333", "train.maxLength=333"));
  }

  private static Map<String, String> plans(String yaml, long seed, Path small) {
    Recipe recipe = Recipe.parse("model: m\nproblems: p\n" + yaml);
    SearchPlan search = Plans.search(recipe, model, small, seed);
    Map<String, String> all = new TreeMap<>();
    Flat.of(search).forEach((name, value) -> all.put("search." + name, value));
    Flat.of(Plans.train(recipe, model, folder, seed)).forEach((name, value) -> all.put("train." + name, value));
    Flat.of(Plans.loss(recipe.train())).forEach((name, value) -> all.put("loss." + name, value));
    return all;
  }

  private static String section(String key, String value, String with) {
    String section = key.substring(0, key.indexOf('.'));
    String name = key.substring(section.length() + 1);
    String begin = section + ": {";
    String more = value == null ? "" : name + ": " + value;
    if (with.startsWith(begin)) {
      return with.substring(0, with.length() - 1) + (more.isEmpty() ? "" : ", " + more) + "}\n";
    }
    return with + "\n" + (more.isEmpty() ? "" : begin + more + "}\n");
  }

  @ParameterizedTest
  @MethodSource("cases")
  void changedAloneItChangesWhatItShould(Case c) {
    Map<String, String> before = plans(section(c.key, null, c.with), SEED, null);
    Map<String, String> after = plans(section(c.key, c.value, c.with), SEED, null);
    Map<String, String> expected = new TreeMap<>();
    for (String change : c.changes) {
      String[] parts = change.split("=", 2);
      expected.put(parts[0], parts[1].equals("PLAIN") ? dev.sphere.engine.prompt.ChatTemplate.PLAIN.source() : parts[1]);
    }
    assertEquals(expected, Flat.changes(before, after));
  }

  /** The keys that a recipe has, asked of the recipe; Evolve itself takes those of the first and the last section. */
  @Test
  void everyKeyHasACase() {
    TreeSet<String> keys = new TreeSet<>();
    for (Class<?> section : List.of(Recipe.Prompt.class, Recipe.Search.class, Recipe.Train.class)) {
      for (RecordComponent c : section.getRecordComponents()) {
        keys.add(section.getSimpleName().toLowerCase(java.util.Locale.ROOT) + "." + name(section, c));
      }
    }
    TreeSet<String> there = new TreeSet<>();
    cases().forEach(c -> there.add(c.key));
    assertEquals(keys, there);
    List<String> own = new ArrayList<>();
    for (RecordComponent c : Recipe.class.getRecordComponents()) {
      own.add(name(Recipe.class, c));
    }
    assertEquals(
        List.of("name", "model", "small_model", "problems", "limit", "seed", "rounds", "prompt", "search", "train",
            "evaluate"),
        own, "a new key needs a test in EvolveTest");
    List<String> evaluate = new ArrayList<>();
    for (RecordComponent c : Recipe.Evaluate.class.getRecordComponents()) {
      evaluate.add(name(Recipe.Evaluate.class, c));
    }
    assertEquals(List.of("problems", "limit", "max_tokens", "ngram"), evaluate, "a new key needs a test in EvolveTest");
  }

  private static String name(Class<?> record, RecordComponent c) {
    try {
      JsonProperty told = record.getDeclaredField(c.getName()).getAnnotation(JsonProperty.class);
      return told == null ? c.getName() : told.value();
    } catch (NoSuchFieldException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void seedAndModelsReachBothPlans() {
    Map<String, String> before = plans("", SEED, null);
    assertEquals(
        Map.of("search.seed", "12", "train.settings.seed", "12"), Flat.changes(before, plans("", SEED + 1, null)));
    Path small = folder.resolve("small.gguf");
    assertEquals(Map.of("search.smallModel", small.toString()), Flat.changes(before, plans("", SEED, small)));
    assertEquals(model.toString(), before.get("search.model"));
    assertEquals(model.toString(), before.get("train.model"));
    assertEquals(folder.toString(), before.get("train.output"));
    assertEquals("true", before.get("train.resume"));
    assertThrows(IllegalArgumentException.class, () -> plans("train: {optimizer: adam}\n", SEED, null));
  }
}
