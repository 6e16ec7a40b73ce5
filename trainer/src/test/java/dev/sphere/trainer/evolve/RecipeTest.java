package dev.sphere.trainer.evolve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.prompt.ChatTemplate;
import dev.sphere.engine.prompt.Prompts;
import java.util.List;
import org.junit.jupiter.api.Test;

class RecipeTest {
  @Test
  void absentValuesTakeTheDocumentedDefaults() {
    Recipe recipe = Recipe.parse("model: m.gguf\nproblems: p.jsonl\nevaluate: {problems: t.jsonl}\n");
    assertEquals(1, recipe.rounds());
    assertEquals(List.of("generation", "correction", "diversity"), recipe.search().stages());
    assertEquals(5, recipe.search().candidates());
    assertEquals(0.8f, recipe.search().temperature());
    assertEquals(0.1, recipe.train().beta());
    assertEquals(32.0, recipe.train().loraAlpha());
    assertEquals("unnamed", recipe.name());
    assertEquals(0, recipe.limit());
    assertEquals(
        "Search[stages=[generation, correction, diversity], prm=mc, rollouts=8, candidates=5, temperature=0.8, depth=24, "
            + "simulations=1, advantageWeight=1.0, separator=null, maxStepTokens=null, maxTokens=null, pairing=chains, "
            + "pairsPerStage=4, pairsPerProblem=2147483647, nearDuplicates=2.0, maxLengthRatio=0.0, "
            + "guessedAnswers=false, strategy=null, "
            + "budget=4000, earlyStop=false, parallel=16]", recipe.search().toString());
    assertEquals(
        "Train[method=lora, loss=sigmoid, lossWeights=null, rejected=whole, beta=0.1, optimizer=adamw, "
            + "learningRate=1.0E-5, schedule=linear, warmup=0.1, epochs=1, batchPairs=16, loraRank=16, loraAlpha=32.0, "
            + "weightDecay=0.0, maxGradNorm=1.0, maxLength=2048]", recipe.train().toString());
    assertEquals("Evaluate[problems=t.jsonl, limit=0, maxTokens=null, ngram=0]", recipe.evaluate().toString());
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
    assertEquals(7, recipe.search().candidates());
    assertEquals("\n", recipe.search().separator());
    assertEquals(List.of(1.0, 0.5), recipe.train().lossWeights());
    assertEquals(3e-4, recipe.train().learningRate());
  }

  @Test
  void anUnknownKeyIsNamedWithItsPath() {
    Throwable e = assertThrows(
        IllegalArgumentException.class,
        () -> Recipe.parse("model: m\nproblems: p\nsearch:\n  candidates: 5\n  temprature: 1\n"));
    assertTrue(e.getMessage().startsWith("unknown key 'search.temprature'"), e.getMessage());
  }

  @Test
  void aBadValueIsNamed() {
    Throwable e = assertThrows(
        IllegalArgumentException.class, () -> Recipe.parse("model: m\nproblems: p\ntrain: {method: qlora}\n"));
    assertTrue(e.getMessage().startsWith("train.method must be lora or full, not qlora"), e.getMessage());
    Throwable missing = assertThrows(IllegalArgumentException.class, () -> Recipe.parse("problems: p\n"));
    assertTrue(missing.getMessage().contains("model must be"), missing.getMessage());
    assertThrows(IllegalArgumentException.class, () -> Recipe.parse(""));
    assertThrows(IllegalArgumentException.class, () -> Recipe.parse("- a\n- b\n"));
  }

  @Test
  void thePromptSectionTakesTheUsualPromptsPlace() {
    Prompts usual = Prompts.defaults();
    Recipe told = Recipe.parse("""
        model: m.gguf
        problems: p.jsonl
        prompt: {template: plain, question: "Q: {question}"}
        """);
    Prompts prompts = told.prompts(usual);
    assertEquals("Q: {question}", prompts.question());
    assertEquals(ChatTemplate.PLAIN.source(), prompts.template());
    assertEquals(usual.correction(), prompts.correction());
    assertEquals(usual, Recipe.parse("model: m.gguf\nproblems: p.jsonl\n").prompts(usual));
    Recipe lost = Recipe.parse("model: m.gguf\nproblems: p.jsonl\nprompt: {template: /nowhere/t.jinja}\n");
    String message = assertThrows(IllegalArgumentException.class, () -> lost.prompts(usual)).getMessage();
    assertTrue(message.contains("/nowhere/t.jinja"), message);
  }
}
