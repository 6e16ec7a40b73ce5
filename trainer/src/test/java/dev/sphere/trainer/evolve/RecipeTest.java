package dev.sphere.trainer.evolve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.prompt.ChatTemplate;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.run.ModelDefaults;
import dev.sphere.trainer.loss.LossSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

class RecipeTest {
  @Test
  void absentValuesTakeTheDocumentedDefaults() {
    Recipe recipe = Recipe.parse("model: m.gguf\nproblems: p.jsonl\nevaluate: {problems: t.jsonl}\n");
    assertEquals(
        "{name=unnamed, model=m.gguf, small_model=null, problems=p.jsonl, question_field=null, answer_field=null, id_field=null, "
            + "skip_bad=false, limit=0, decontaminate=[], ngram=13, seed=1, rounds=1, fresh_problems=false, replay=false, reward=fixed, prompt={system=null, question=null, correction=null, "
            + "corrected_after=null, chat_template=null, few_shot=null, shots=5}, search={prm=mc, rollouts=8, temperature=0.8, top_k=0, top_p=1.0, "
            + "min_p=0.0, max_tokens=null, early_stop=false, prm_beta=0.05, candidates=5, max_step_tokens=null, depth=24, "
            + "simulations=1, uct=1.4142135623730951, advantage_weight=1.0, outcome_weight=1.0, backup=score, separator=null, "
            + "resample_rounds=3, distinct=whitespace, stop_at_answer=true, probe=0, pass_rate=0.05..0.8, order=easiest, take=0, "
            + "probe_pairs=true, stages=[generation, correction, diversity], "
            + "pairing=null, pairs_per_stage=4, corrections=2, correct_paired=true, diversity_factor=2, "
            + "truncated_rejected=false, near_duplicates=2.0, pairs_per_problem=2147483647, max_length_ratio=0.0, "
            + "guessed_answers=false, strategy=null, budget=4000, width=4, aggregation=last, parallel=16, activations=auto}, "
            + "train={method=lora, lora_rank=16, lora_alpha=null, lora_targets=[], rslora=false, dora=false, "
            + "optimizer=adamw, learning_rate=1.0E-5, weight_decay=0.0, beta1=0.9, beta2=0.999, adam_epsilon=1.0E-8, "
            + "momentum=0.0, max_grad_norm=1.0, schedule=linear, warmup=0.1, sharing=tree, micro_batch_tokens=4096, "
            + "batch_pairs=16, epochs=1, steps=0, order=trees, save_every=100, keep_last=2, log_every=1, threads=null, "
            + "max_length=2048, bad_rows=skip, type=null, activation_mib=1024, eval_data=null, eval_share=0.0, "
            + "eval_every=0, activations=auto, loss=[sigmoid], loss_weights=[], beta=0.1, label_smoothing=0.0, f_divergence=reverse_kl, "
            + "f_alpha=0.5, ld_alpha=1.0, discopop_tau=0.05, reference_free=false, wpo=false, ref_sync_steps=null, "
            + "ref_sync_alpha=0.6, rejected=whole, reject_first_step=null, step_pairs=null, siblings=false, "
            + "sibling_margin=0.0}, evaluate={problems=t.jsonl, limit=0, max_tokens=null, samples=0, ngram=0, "
            + "at_end=false, usual=0}, "
            + "validate={problems=null, limit=0}}",
        recipe.values().toString());
  }

  /** The recipes that are carried, evaluations apart. */
  @Test
  void everyRecipeOfTheHouseIsRead() throws IOException {
    try (Stream<Path> files = Files.list(Path.of("../recipes"))) {
      List<Path> recipes = files.filter(f -> f.getFileName().toString().matches("(?!eval-).*\\.yaml")).toList();
      assertTrue(recipes.contains(Path.of("../recipes/study-chain.yaml")), recipes.toString());
      for (Path file : recipes) {
        assertTrue(Recipe.read(file).problems() != null, file.toString());
      }
    }
  }

  /** Relative paths of a recipe begin at its folder, wherever the command is called. */
  @Test
  void filesLieBesideTheRecipe(@TempDir Path folder) throws IOException {
    Files.writeString(folder.resolve("r.yaml"), """
        model: ../m.gguf
        small_model: embedded-small
        problems: p.jsonl
        search: {prm: "token:prm.gguf"}
        prompt: {few_shot: shots.jsonl}
        evaluate: {problems: /data/t.jsonl}
        validate: {problems: "embedded:validation"}
        """);
    Recipe recipe = Recipe.read(folder.resolve("r.yaml"));
    assertEquals(List.of(folder.resolveSibling("m.gguf").toString(), "embedded-small", folder.resolve("p.jsonl").toString(),
            "token:" + folder.resolve("prm.gguf"), folder.resolve("shots.jsonl").toString(), "/data/t.jsonl",
            "embedded:validation"),
        List.of(recipe.model(), recipe.smallModel(), recipe.problems(), Recipe.SEARCH.value("prm", recipe.search()),
            Recipe.SEARCH.value("few_shot", recipe.search()).toString(), recipe.evaluate().problems(),
            recipe.validate().problems()));
  }

  /** A reward that no training makes, or no round asks for, is refused. */
  @Test
  void anImplicitRewardNeedsRoundsAndAReference() {
    String head = "model: m.gguf\nproblems: p.jsonl\nreward: implicit\n";
    assertEquals(Recipe.Reward.IMPLICIT, Recipe.parse(head + "rounds: 2\n").reward());
    String alone = assertThrows(IllegalArgumentException.class, () -> Recipe.parse(head)).getMessage();
    assertEquals("reward has no effect without rounds", alone);
    for (String loss : List.of("{loss: sft}", "{reference_free: true}")) {
      String message = assertThrows(IllegalArgumentException.class,
          () -> Recipe.parse(head + "rounds: 2\ntrain: " + loss + "\n")).getMessage();
      assertTrue(message.startsWith("reward must be fixed where the loss has no reference"), message);
    }
    String siblings = assertThrows(IllegalArgumentException.class, () -> Recipe.parse(
        "model: m.gguf\nproblems: p.jsonl\nrounds: 2\nreplay: true\ntrain: {siblings: true}\n")).getMessage();
    assertTrue(siblings.startsWith("replay must be false where train.siblings is true"), siblings);
    Recipe before = Recipe.parse("model: m.gguf\nproblems: p.jsonl\nrounds: 2\n");
    assertEquals(List.of("reward is fixed there and implicit now"), before.differences(Recipe.parse(head + "rounds: 2\n")));
  }

  @Test
  void aTestAtTheEndNeedsProblemsThatTellUntilThen() {
    String message = assertThrows(IllegalArgumentException.class,
        () -> Recipe.parse("model: m\nproblems: p\nevaluate: {problems: t, at_end: true}\n")).getMessage();
    assertEquals("evaluate.at_end must be false without validate.problems, not true", message);
    assertTrue(Recipe.parse("model: m\nproblems: p\nevaluate: {problems: t, at_end: true}\nvalidate: {problems: v}\n")
        .evaluate().atEnd());
  }

  @Test
  void givenValuesAreTaken() {
    Recipe recipe = Recipe.parse(
        """
        name: two rounds
        model: embedded
        small_model: embedded-small
        problems: embedded:train
        rounds: 2
        search: {candidates: 7, separator: "\\n", stages: [generation]}
        train: {loss: "sigmoid,sft", loss_weights: [1, 0.5], learning_rate: 3e-4}
        """);
    assertEquals("embedded-small", recipe.smallModel());
    assertEquals(7, Recipe.SEARCH.value("candidates", recipe.search()));
    assertEquals("\n", Recipe.SEARCH.value("separator", recipe.search()));
    LossSettings loss = Recipe.TRAIN.make(LossSettings.class, recipe.train());
    assertEquals(List.of(1.0, 0.5), loss.weights());
    assertEquals(3e-4, Recipe.TRAIN.value("learning_rate", recipe.train()));
    assertEquals(9, recipe.withSeed(9).seed());
  }

  @Test
  void anUnknownKeyIsNamedWithItsPath() {
    Throwable e = assertThrows(
        IllegalArgumentException.class,
        () -> Recipe.parse("model: m\nproblems: p\nsearch:\n  candidates: 5\n  temprature: 1\n"));
    assertTrue(e.getMessage().startsWith("unknown key 'search.temprature': did you mean 'search.temperature'?"), e.getMessage());
    Throwable top = assertThrows(IllegalArgumentException.class, () -> Recipe.parse("model: m\nproblem: p\n"));
    assertTrue(top.getMessage().startsWith("unknown key 'problem': did you mean 'problems'?"), top.getMessage());
    Throwable said = assertThrows(
        IllegalArgumentException.class, () -> Recipe.parse("model: m\nproblems: p\nevaluate: {problems: t, ngramm: 3}\n"));
    assertTrue(said.getMessage().startsWith("unknown key 'evaluate.ngramm': did you mean 'evaluate.ngram'?"), said.getMessage());
  }

  @Test
  void aBadValueIsNamed() {
    Throwable e = assertThrows(
        IllegalArgumentException.class, () -> Recipe.parse("model: m\nproblems: p\ntrain: {method: qlora}\n"));
    assertTrue(e.getMessage().startsWith("train.method must be lora or full, not 'qlora'"), e.getMessage());
    Throwable missing = assertThrows(IllegalArgumentException.class, () -> Recipe.parse("problems: p\n"));
    assertTrue(missing.getMessage().contains("model must be"), missing.getMessage());
    assertThrows(IllegalArgumentException.class, () -> Recipe.parse(""));
    assertThrows(IllegalArgumentException.class, () -> Recipe.parse("- a\n- b\n"));
  }

  /** What has no effect is refused by its key; what a run's folder keeps beside it is not. */
  @Test
  void whatHasNoEffectIsRefused() {
    String begin = "model: m\nproblems: p\n";
    assertEquals("ngram has no effect without decontaminate",
        assertThrows(IllegalArgumentException.class, () -> Recipe.parse(begin + "ngram: 9")).getMessage());
    Map.of("search: {budget: 9}", "search.budget has no effect without search.strategy",
        "search: {rollouts: 3, prm: random}", "search.rollouts has no effect without search.prm mc",
        "search: {stages: [generation], corrections: 1}", "search.corrections has no effect without search.stages correction",
        "prompt: {correction: x}\nsearch: {stages: [generation]}", "prompt.correction has no effect without search.stages correction",
        "train: {method: full, lora_rank: 3}", "train.lora_rank has no effect without train.method lora",
        "train: {momentum: 0.5}", "train.momentum has no effect without train.optimizer sgd",
        "train: {siblings: true, rejected: first_step}", "train.siblings has no effect with train.rejected first_step",
        "train: {sibling_margin: 1}", "train.sibling_margin has no effect without train.siblings")
        .forEach((told, message) -> {
          assertEquals(message, assertThrows(IllegalArgumentException.class, () -> Recipe.parse(begin + told)).getMessage());
          Recipe.kept(begin + told);
        });
  }

  /** A run goes on with a recipe of other problems in flight, and with no other recipe. */
  @Test
  void aKeptRecipeIsComparedByWhatDecidesResults() {
    String now = """
        name: n
        model: embedded
        problems: p
        limit: 3
        search: {rollouts: 4, simulations: 4, backup: mean}
        train: {method: full, learning_rate: 6e-5, epochs: 2}
        evaluate: {problems: t}
        """;
    Recipe kept = Recipe.kept(JsonMapper.shared().writeValueAsString(Recipe.parse(now).values()));
    assertEquals(List.of(), kept.differences(Recipe.parse(now)));
    assertEquals(List.of(), kept.differences(Recipe.parse(now.replace("rollouts: 4", "rollouts: 4, parallel: 3"))),
        "problems in flight decide nothing");
    assertEquals(List.of("seed is 1 there and 2 now"), kept.differences(Recipe.parse(now).withSeed(2)));
    assertEquals(List.of("search.rollouts is 4 there and 5 now", "train.epochs is 2 there and 3 now"),
        kept.differences(Recipe.parse(now.replace("rollouts: 4", "rollouts: 5").replace("epochs: 2", "epochs: 3"))));
  }

  @Test
  void thePromptSectionTakesTheUsualPromptsPlace() {
    Prompts usual = Prompts.defaults();
    Map<String, Object> values = ModelDefaults.instructed().values();
    Recipe told = Recipe.parse("""
        model: m.gguf
        problems: p.jsonl
        prompt: {chat_template: plain, question: "Q: {question}"}
        """);
    Prompts prompts = told.prompts(values);
    assertEquals("Q: {question}", prompts.question());
    assertEquals(ChatTemplate.PLAIN.source(), prompts.template());
    assertEquals(usual.correction(), prompts.correction());
    assertEquals(usual, Recipe.parse("model: m.gguf\nproblems: p.jsonl\n").prompts(values));
    String lost = "model: m.gguf\nproblems: p.jsonl\nprompt: {chat_template: /nowhere/t.jinja}\n";
    String message = assertThrows(IllegalArgumentException.class, () -> Recipe.parse(lost)).getMessage();
    assertTrue(message.contains("/nowhere/t.jinja"), message);
  }
}
