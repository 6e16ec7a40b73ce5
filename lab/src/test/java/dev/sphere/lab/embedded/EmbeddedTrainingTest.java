package dev.sphere.lab.embedded;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.bindings.llama.Model;
import dev.sphere.bindings.llama.Vocabulary;
import dev.sphere.trainer.checkpoint.StepMetrics;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.loop.TrainingListener;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

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
      assertEquals("Sphere embedded-small", model.metadata("general.name").orElseThrow());
      assertTrue(Files.size(file) < 3_000_000, "bf16: " + Files.size(file));
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
    EmbeddedRecipe recipe = EmbeddedRecipe.read(Path.of("recipes/embedded-model.yaml"));
    for (String name : List.of("embedded", "embedded-small")) { // the third one starts from the second
      assertEquals("bf16", recipe.entry(name).type());
    }
    assertEquals(38_400, EmbeddedRecipe.read(Path.of("recipes/embedded-careful.yaml")).entry("embedded").corpus().dialogues());
    assertThrows(IllegalArgumentException.class, () -> recipe.entry("embedded-large"));
  }

  @Test
  void aWrongRecipeIsNamed() throws IOException {
    Path recipe = Files.writeString(dir.resolve("bad.yaml"), QUICK.replace("beta2", "beta_2"));
    Exception e = assertThrows(IllegalArgumentException.class, () -> EmbeddedRecipe.read(recipe));
    assertTrue(e.getMessage().contains("bad.yaml") && e.getMessage().contains("beta2"), e.getMessage());
  }

  /** A value of every key of the recipe of embedded models, and where it goes. */
  @Test
  void everyKeyOfTheRecipeArrives() {
    String yaml = """
        models:
          m:
            seed: 1
            corpus: {seed: 2, dialogues: 30, correction: 0.5, hasty: 0.25}
            train: {learning_rate: 0.003, schedule: constant, warmup_steps: 2, weight_decay: 0.1, beta2: 0.95,
              max_grad_norm: 1.0, batch: 4, steps: 20, stop_after: 10, seed: 3, save_every: 100}
            type: bf16
        """;
    Map<String, String[]> changes = new LinkedHashMap<>();
    changes.put("seed: 2, d", new String[] {"seed: 7, d", "corpus.seed=7"});
    changes.put("dialogues: 30", new String[] {"dialogues: 31", "corpus.count=31"});
    changes.put("correction: 0.5", new String[] {"correction: 0.75", "corpus.correction=0.75"});
    changes.put("hasty: 0.25", new String[] {"hasty: 0.125", "corpus.hasty=0.125"});
    changes.put("learning_rate: 0.003", new String[] {"learning_rate: 0.5", "train.optimizer.learningRate=0.5"});
    changes.put("constant", new String[] {"wsd", "train.schedule.kind=WSD"});
    changes.put("warmup_steps: 2", new String[] {"warmup_steps: 5", "train.schedule.warmup=5.0"});
    changes.put("weight_decay: 0.1", new String[] {"weight_decay: 0.2", "train.optimizer.weightDecay=0.2"});
    changes.put("beta2: 0.95", new String[] {"beta2: 0.5", "train.optimizer.beta2=0.5"});
    changes.put("max_grad_norm: 1.0", new String[] {"max_grad_norm: 2.0", "train.optimizer.maxGradNorm=2.0"});
    changes.put("batch: 4", new String[] {"batch: 6", "train.batchSize=6"});
    changes.put("steps: 20", new String[] {"steps: 21", "train.maxSteps=21"});
    changes.put("seed: 3", new String[] {"seed: 8", "train.seed=8"});
    changes.put("save_every: 100", new String[] {"save_every: 50", "train.saveEvery=50"});
    // The weights' seed, type and stop_after: in a model that is made.
    int keys = Stream.of(EmbeddedRecipe.Corpus.class, EmbeddedRecipe.Train.class)
        .mapToInt(c -> c.getRecordComponents().length).sum();
    assertEquals(keys - 1, changes.size(), "a case for every key but stop_after");
    Map<String, String> before = embedded(yaml);
    changes.forEach((from, to) -> {
      assertTrue(yaml.contains(from), from);
      String[] expected = to[1].split("=", 2);
      Map<String, String> changed = new LinkedHashMap<>(embedded(yaml.replace(from, to[0])));
      changed.entrySet().removeAll(before.entrySet());
      assertEquals(Map.of(expected[0], expected[1]), changed, from);
    });
  }

  private Map<String, String> embedded(String yaml) {
    try {
      Path file = Files.writeString(dir.resolve("embedded.yaml"), yaml);
      EmbeddedRecipe.Entry entry = EmbeddedRecipe.read(file).entry("m");
      Map<String, String> all = new LinkedHashMap<>();
      flat("corpus", JsonMapper.shared().valueToTree(entry.corpus().settings()), all);
      flat("train", JsonMapper.shared().valueToTree(entry.train().settings(1)), all);
      return all;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void flat(String name, JsonNode value, Map<String, String> all) {
    if (value.isObject()) {
      value.properties().forEach(p -> flat(name + "." + p.getKey(), p.getValue(), all));
    } else {
      all.put(name, value.isString() ? value.stringValue() : value.toString());
    }
  }

  /** The weights' seed, the type and the step to stop after, each changed alone. */
  @Test
  void theSeedTheTypeAndTheLastStepReachTheModel() throws IOException {
    String quick = QUICK.replace("stop_after: 10", "stop_after: 1").replace("dialogues: 30", "dialogues: 8");
    byte[] before = made("a", quick);
    assertArrayEquals(before, made("b", quick), "the same recipe, the same bytes");
    for (String[] change : new String[][] {
      {"    seed: 1\n", "    seed: 2\n"}, {"bf16", "f32"}, {"stop_after: 1", "stop_after: 2"}
    }) {
      assertTrue(quick.contains(change[0]), change[0]);
      assertFalse(Arrays.equals(before, made(change[1].strip().replaceAll("\\W", ""), quick.replace(change[0],
          change[1]))),
          change[1]);
    }
  }

  private byte[] made(String name, String yaml) throws IOException {
    Path recipe = Files.writeString(dir.resolve(name + ".yaml"), yaml);
    return Files.readAllBytes(EmbeddedTraining.run(
        "embedded-small", EmbeddedRecipe.read(recipe), dir.resolve(name), 1, TrainingListener.NONE));
  }
}
