package dev.sphere.trainer.evolve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sphere.engine.run.SearchPlan;
import dev.sphere.engine.settings.SettingSpec;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.RandomModel;
import dev.sphere.trainer.Flat;
import dev.sphere.trainer.job.TrainTask;
import dev.sphere.trainer.loss.LossSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
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
        key("prompt.chat_template", "plain", "search.stages.prompts.template=PLAIN", "train.template=PLAIN"),
        key("prompt.system", "Be brief", "search.stages.prompts.system=Be brief"),
        key("prompt.question", "'Q {question}'", "search.stages.prompts.question=Q {question}"),
        key("prompt.correction", "Again", "search.stages.prompts.correction=Again"),
        key("prompt.corrected_after", "Now", "search.stages.prompts.correctedAfter=Now"),
        key("prompt.few_shot", "x.jsonl", "search.examples.file=x.jsonl"),
        with("prompt: {few_shot: x.jsonl}", "prompt.shots", "3", "search.examples.shots=3"),
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
        key("search.probe", "6", "search.probe.draws=6"),
        with("search: {probe: 4}", "search.pass_rate", "0.1..0.5", "search.probe.passRate=0.1..0.5"),
        with("search: {probe: 4}", "search.order", "mixed", "search.probe.order=MIXED"),
        with("search: {probe: 4}", "search.take", "30", "search.probe.take=30"),
        with("search: {probe: 4}", "search.probe_pairs", "false", "search.probe.pairs=false"),
        key("search.pairing", "any", "search.stages.pairing=ANY"),
        key("search.pairs_per_stage", "9", "search.stages.pairsPerStage=9"),
        key("search.pairs_per_problem", "8", "search.stages.rules.perProblem=8"),
        key("search.near_duplicates", "0.75", "search.stages.rules.nearDuplicate=0.75"),
        key("search.max_length_ratio", "3", "search.stages.rules.lengthRatio=3.0"),
        key("search.guessed_answers", "true", "search.stages.rules.guessed=true"),
        key("search.strategy", "best-of-n", "search.parallel=32", "search.stages.pairing=ANY", "search.strategy=StrategySettings", "search.strategy.kind=BEST_OF_N",
            "search.strategy.budget=4000", "search.strategy.width=4",
            "search.strategy.aggregation=LAST"),
        with("search: {strategy: best-of-n}", "search.budget", "900", "search.strategy.budget=900"),
        with("search: {strategy: best-of-n}", "search.width", "2", "search.parallel=64", "search.strategy.width=2"),
        with("search: {strategy: best-of-n}", "search.aggregation", "min", "search.strategy.aggregation=MIN"),
        key("search.top_k", "3", "search.search.sampling.topK=3", "search.prm.monteCarlo.sampling.topK=3"),
        key("search.top_p", "0.5", "search.search.sampling.topP=0.5", "search.prm.monteCarlo.sampling.topP=0.5"),
        key("search.min_p", "0.5", "search.search.sampling.minP=0.5", "search.prm.monteCarlo.sampling.minP=0.5"),
        with("search: {prm: 'implicit:embedded'}", "search.prm_beta", "2", "search.prm.beta=2.0"),
        key("search.uct", "2", "search.search.uct=2.0"),
        key("search.outcome_weight", "2", "search.search.outcomeWeight=2.0"),
        with("search: {simulations: 2}", "search.backup", "mean", "search.search.backup=MEAN"),
        key("search.resample_rounds", "0", "search.search.resampleRounds=0"),
        key("search.distinct", "loose", "search.search.distinct=LOOSE"),
        key("search.stop_at_answer", "false", "search.search.stopAtAnswer=false"),
        key("search.corrections", "3", "search.stages.corrections=3"),
        key("search.correct_paired", "false", "search.stages.correctPaired=false"),
        key("search.diversity_factor", "3", "search.stages.diversityFactor=3"),
        key("search.truncated_rejected", "true", "search.stages.truncatedRejected=true",
            "search.search.truncatedRejected=true"),
        key("search.early_stop", "true", "search.prm.monteCarlo.stopWhenDecided=true"),
        key("search.parallel", "3", "search.parallel=3"),
        key("search.activations", "f32", "search.precision.activations=F32"),
        key("train.method", "full", "train.tuning.method=FULL", "train.tuning.rank=0", "train.tuning.alpha=0.0", "train.tuning.targets=[]"),
        key("train.loss", "ipo", "loss.losses=[IPO]"),
        key("train.loss", "'sigmoid, sft'", "loss.losses=[SIGMOID, SFT]", "loss.weights=[1.0, 1.0]"),
        with("train: {loss: 'sigmoid,sft'}", "train.loss_weights", "[1, 0.25]", "loss.weights=[1.0, 0.25]"),
        key("train.rejected", "first_step", "train.stepSeparator=\n\n"),
        key("train.beta", "0.7", "loss.beta=0.7"),
        key("train.optimizer", "sgd", "train.settings.optimizer.kind=SGD"),
        key("train.learning_rate", "3e-4", "train.settings.optimizer.learningRate=3.0E-4"),
        key("train.schedule", "cosine", "train.settings.schedule.kind=COSINE"),
        key("train.warmup", "0.25", "train.settings.schedule.warmup=0.25"),
        key("train.warmup", "7", "train.settings.schedule.warmup=7.0"),
        key("train.epochs", "4", "train.settings.epochs=4"),
        key("train.batch_pairs", "5", "train.settings.batchSize=5"),
        key("train.lora_rank", "3", "train.tuning.rank=3", "train.tuning.alpha=6.0"),
        key("train.lora_alpha", "9", "train.tuning.alpha=9.0"),
        key("train.weight_decay", "0.125", "train.settings.optimizer.weightDecay=0.125"),
        key("train.max_grad_norm", "0.5", "train.settings.optimizer.maxGradNorm=0.5"),
        key("train.max_length", "333", "train.maxLength=333"),
        key("train.activations", "int8", "train.precision.activations=INT8"),
        key("train.lora_targets", "[attn_q]", "train.tuning.targets=[attn_q]"),
        key("train.rslora", "true", "train.tuning.rankStabilised=true"),
        key("train.dora", "true", "train.tuning.magnitudes=true"),
        key("train.beta1", "0.5", "train.settings.optimizer.beta1=0.5"),
        key("train.beta2", "0.5", "train.settings.optimizer.beta2=0.5"),
        key("train.adam_epsilon", "0.5", "train.settings.optimizer.epsilon=0.5"),
        with("train: {optimizer: sgd}", "train.momentum", "0.5", "train.settings.optimizer.momentum=0.5"),
        key("train.sharing", "none", "train.settings.packing.sharing=NONE"),
        key("train.micro_batch_tokens", "99", "train.settings.packing.microBatchTokens=99",
            "train.settings.packing.fillTokens=99"),
        key("train.steps", "7", "train.settings.maxSteps=7"),
        key("train.order", "given", "train.settings.order=GIVEN"),
        key("train.save_every", "7", "train.settings.saveEvery=7"),
        key("train.keep_last", "7", "train.settings.keepLast=7"),
        key("train.log_every", "7", "train.settings.logEvery=7"),
        key("train.threads", "77", "train.settings.threads=77"),
        key("train.bad_rows", "refuse", "train.onBadRow=REFUSE"),
        key("train.type", "q8_0", "train.type=Q8_0"),
        key("train.activation_mib", "3", "train.activationBytes=" + (3 << 20)),
        key("train.eval_data", "x.jsonl", "train.heldOut.file=x.jsonl"),
        key("train.eval_share", "0.5", "train.heldOut.share=0.5"),
        with("train: {eval_share: 0.5}", "train.eval_every", "7", "train.heldOut.every=7"),
        key("train.label_smoothing", "0.25", "loss.labelSmoothing=0.25"),
        key("train.f_divergence", "js", "loss.divergence=JS"),
        with("train: {f_divergence: alpha}", "train.f_alpha", "0.75", "loss.alpha=0.75"),
        key("train.ld_alpha", "0.25", "loss.ldAlpha=0.25"),
        with("train: {loss: discopop}", "train.discopop_tau", "0.5", "loss.discopopTau=0.5"),
        key("train.reference_free", "true", "loss.referenceFree=true"),
        key("train.wpo", "true", "loss.wpo=true"),
        key("train.ref_sync_steps", "9", "loss.sync=Sync", "loss.sync.alpha=0.6", "loss.sync.steps=9"),
        with("train: {ref_sync_steps: 9}", "train.ref_sync_alpha", "0.25", "loss.sync.alpha=0.25"),
        key("train.reject_first_step", "'; '", "train.stepSeparator=; "),
        key("train.step_pairs", "'; '", "train.stepSeparator=; ", "train.stepsAlone=true"),
        key("train.siblings", "true", "task=PreferSiblings", "margin=0.0"),
        with("train: {siblings: true}", "train.sibling_margin", "0.5", "margin=0.5"));
  }

  private static Map<String, String> plans(String yaml, long seed, Path small) {
    Recipe recipe = Recipe.parse("model: m\nproblems: p\n" + yaml);
    SearchPlan search = Plans.search(recipe, model, null, small, seed);
    Map<String, String> all = new TreeMap<>();
    Flat.of(search).forEach((name, value) -> all.put("search." + name, value));
    Flat.of(Plans.train(recipe, model, folder, seed)).forEach((name, value) -> all.put("train." + name, value));
    TrainTask task = Plans.task(recipe, List.of(), folder);
    all.put("task", task.getClass().getSimpleName());
    if (task instanceof TrainTask.PreferSiblings s) {
      all.put("margin", String.valueOf(s.margin()));
    }
    LossSettings loss = task instanceof TrainTask.PreferPairs p ? p.loss() : ((TrainTask.PreferSiblings) task).loss();
    Flat.of(loss).forEach((name, value) -> all.put("loss." + name, value));
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
    Recipe.SEARCH.settings().forEach(s -> keys.add((s.section().isEmpty() ? "search" : s.section()) + "." + s.name()));
    Recipe.TRAIN.settings().forEach(s -> keys.add("train." + s.name()));
    TreeSet<String> there = new TreeSet<>();
    cases().forEach(c -> there.add(c.key));
    assertEquals(keys, there);
    assertEquals(
        List.of("name", "model", "small_model", "problems", "question_field", "answer_field", "id_field", "skip_bad", "limit",
            "decontaminate", "ngram", "seed", "rounds", "fresh_problems", "replay", "reward"),
        Recipe.TOP.settings().stream().map(SettingSpec::name).toList(), "a new key needs a test in EvolveTest");
    assertEquals(List.of("problems", "limit", "max_tokens", "samples", "ngram", "at_end", "usual"),
        Recipe.EVALUATE.settings().stream().map(SettingSpec::name).toList(), "a new key needs a test in EvolveTest");
    assertEquals(List.of("problems", "limit"),
        Recipe.VALIDATE.settings().stream().map(SettingSpec::name).toList(), "a new key needs a test in EvolveTest");
  }

  /** From the second round on {@code reward: implicit} changes what judges the steps, and nothing else. */
  @Test
  void anImplicitRewardIsOfTheRoundBefore() throws IOException {
    Path before = Files.copy(model, folder.resolve("before.gguf"));
    Path small = Files.copy(model, folder.resolve("small-one.gguf"));
    String head = "model: m\nproblems: p\nrounds: 3\n";
    Recipe fixed = Recipe.parse(head);
    String train = "train: {beta: 0.3}\n";
    Recipe implicit = Recipe.parse(head + "reward: implicit\n" + train);
    for (Path s : Arrays.asList(null, small)) {
      Map<String, String> usual = Flat.of(Plans.search(fixed, model, null, s, SEED));
      assertEquals(usual, Flat.of(Plans.search(fixed, model, before, s, SEED)));
      assertEquals(usual, Flat.of(Plans.search(implicit, model, null, s, SEED)), "the first round's is what it was");
      assertEquals(
          Map.of("prm.kind", "implicit:" + (s == null ? "" : model + ",") + before, "prm.beta", "0.3"),
          Flat.changes(usual, Flat.of(Plans.search(implicit, model, before, s, SEED))));
    }
    Recipe told = Recipe.parse(head + "reward: implicit\n" + train + "search: {prm: 'implicit:embedded', prm_beta: 2}\n");
    assertEquals(2, Plans.search(told, model, before, null, SEED).prm().beta());
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
