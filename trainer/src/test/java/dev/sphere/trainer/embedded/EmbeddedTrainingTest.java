package dev.sphere.trainer.embedded;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.bindings.Model;
import dev.sphere.bindings.Vocabulary;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.embedded.SftCorpus;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.loop.StepMetrics;
import dev.sphere.trainer.loop.TrainingListener;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EmbeddedTrainingTest {
  @TempDir Path dir;

  private static final String QUICK = """
      models:
        embedded-small:
          seed: 1
          corpus: {seed: 1, dialogues: 30, correction: 0.5, hasty: 0.0}
          train: {learning_rate: 0.003, schedule: constant, warmup_steps: 2, weight_decay: 0.1, beta2: 0.95,
            max_grad_norm: 1.0, batch: 4, steps: 20, stop_after: 10, seed: 1, save_every: 100}
          type: bf16
      """;

  @Test
  void aModelIsMadeOfARecipe() throws IOException {
    Path recipe = Files.writeString(dir.resolve("quick.yaml"), QUICK);
    List<StepMetrics> heard = new ArrayList<>();
    TrainingListener listener = new TrainingListener() {
      @Override
      public void step(StepMetrics metrics, int totalSteps) {
        heard.add(metrics);
      }
    };
    Path file = EmbeddedTraining.run(
        "embedded-small", EmbeddedRecipe.read(recipe), dir.resolve("run"), 1, listener);
    assertEquals(10, heard.getLast().step());
    try (Model model = Model.load(file)) {
      assertEquals("Sphere embedded-small", model.metadata("general.name"));
      assertTrue(model.bytes() < 3_000_000, "bf16: " + model.bytes());
      Vocabulary vocabulary = model.vocabulary();
      List<Example.Imitation> examples = EmbeddedTraining.examples(
          dir.resolve("run/embedded-small-start.gguf"), SftCorpus.dialogues(new SftCorpus.Settings(1, 30, 1, 0)));
      int[] tokens = examples.getFirst().sequence().tokens();
      int prompt = examples.getFirst().sequence().promptLength();
      int[] ends = Arrays.stream(tokens).filter(t -> t == vocabulary.end()).toArray();
      assertEquals(4, ends.length, "four turns, each of them ended");
      assertEquals(vocabulary.end(), tokens[tokens.length - 1]);
      assertArrayEquals(vocabulary.tokenize("<|assistant|>", false, true), new int[] {tokens[prompt - 1]});
    }
  }

  @Test
  void theCommittedRecipeIsReadable() {
    EmbeddedRecipe recipe = EmbeddedRecipe.read(Path.of("../recipes/embedded-model.yaml"));
    for (String name : ModelSource.EMBEDDED) {
      assertEquals("bf16", recipe.entry(name).type());
    }
    assertThrows(IllegalArgumentException.class, () -> recipe.entry("embedded-large"));
  }

  @Test
  void aWrongRecipeIsNamed() throws IOException {
    Path recipe = Files.writeString(dir.resolve("bad.yaml"), QUICK.replace("beta2", "beta_2"));
    Exception e = assertThrows(IllegalArgumentException.class, () -> EmbeddedRecipe.read(recipe));
    assertTrue(e.getMessage().contains("bad.yaml") && e.getMessage().contains("beta2"), e.getMessage());
  }
}
