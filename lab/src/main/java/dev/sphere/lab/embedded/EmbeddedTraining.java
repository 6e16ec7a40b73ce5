package dev.sphere.lab.embedded;

import dev.sphere.bindings.llama.Model;
import dev.sphere.bindings.llama.Vocabulary;
import dev.sphere.engine.MarkedText;
import dev.sphere.engine.Policy.Message;
import dev.sphere.engine.prompt.ChatTemplate;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.GgufValue;
import dev.sphere.gguf.GgufWriter;
import dev.sphere.gguf.model.GgufFile;
import dev.sphere.trainer.TrainableModel;
import dev.sphere.trainer.checkpoint.StepMetrics;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.TrainingSequence;
import dev.sphere.trainer.loop.RunOptions;
import dev.sphere.trainer.loop.TrainSettings;
import dev.sphere.trainer.loop.Trainer;
import dev.sphere.trainer.loop.TrainingListener;
import dev.sphere.trainer.loop.TrainingResult;
import dev.sphere.trainer.model.ModelOptions;
import dev.sphere.trainer.model.TrainableModels;
import dev.sphere.trainer.objective.SftObjective;
import dev.sphere.trainer.output.ModelOutput;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.BooleanSupplier;

/** Makes an embedded model from its recipe: random weights, the generated dialogues, supervised training, a GGUF file. */
public final class EmbeddedTraining {
  private EmbeddedTraining() {}

  /**
   * Trains one model; a run that was stopped goes on from its last checkpoint.
   *
   * @param folder gets {@code NAME.gguf}, metrics.jsonl and the checkpoints
   * @return the model's file
   */
  public static Path run(String name, EmbeddedRecipe recipe, Path folder, int threads, TrainingListener listener)
      throws IOException {
    EmbeddedRecipe.Entry entry = recipe.entry(name);
    Files.createDirectories(folder);
    Path start = folder.resolve(name + "-start.gguf");
    EmbeddedStart.write(name, entry.seed(), start);
    List<Example.Imitation> examples = examples(start, SftCorpus.dialogues(entry.corpus().settings()));
    Path out = folder.resolve(name + ".gguf");
    try (GgufFile file = GgufFile.openModel(start);
        TrainableModel model = TrainableModels.open(start, ModelOptions.full(threads).withMicroTokens(4096))) {
      StepLimit limit = new StepLimit(entry.train().stopAfter(), listener);
      RunOptions options = RunOptions.in(folder).withResume(true).withListener(limit).withStop(limit)
          .withModel(file.sha256(), Map.of("corpus", entry.corpus().toString()));
      TrainSettings settings = entry.train().settings(threads);
      TrainingResult result = new Trainer<>(new SftObjective(model), examples, settings, options).run();
      save(name, file, model, GgmlType.valueOf(entry.type().toUpperCase(Locale.ROOT)), result, out);
    }
    return out;
  }

  /** Ends a run early: asked before each step, it counts. */
  private static final class StepLimit implements TrainingListener, BooleanSupplier {
    private final int limit;
    private final TrainingListener listener;
    private int made;

    StepLimit(int limit, TrainingListener listener) {
      this.limit = limit;
      this.listener = listener;
    }

    @Override
    public boolean getAsBoolean() {
      return made++ >= limit;
    }

    @Override
    public void started(int firstStep, int totalSteps) {
      made = firstStep;
      listener.started(firstStep, totalSteps);
    }

    @Override
    public void step(StepMetrics metrics, int totalSteps) {
      listener.step(metrics, limit);
    }

    @Override
    public void note(String line) {
      listener.note(line);
    }
  }

  /** The dialogues as tokens; of each the last message is learned, with the token that ends the turn. */
  static List<Example.Imitation> examples(Path start, List<List<Message>> dialogues) {
    List<Example.Imitation> examples = new ArrayList<>();
    try (Model model = Model.loadVocabulary(start)) {
      Vocabulary vocabulary = model.vocabulary();
      ChatTemplate template = ChatTemplate.of(model);
      for (List<Message> dialogue : dialogues) {
        MarkedText prompt = template.prompt(dialogue.subList(0, dialogue.size() - 1), true);
        int[] answer = vocabulary.tokenize(dialogue.getLast().content(), false, false);
        int[] completion = Arrays.copyOf(answer, answer.length + 1);
        completion[answer.length] = vocabulary.end();
        String id = Integer.toString(examples.size());
        examples.add(new Example.Imitation(
            id, id, TrainingSequence.of(vocabulary.tokenize(prompt.text(), prompt.content(), true), completion)));
      }
    }
    return examples;
  }

  /** The trained model under its own name; everything else as {@link ModelOutput} writes it. */
  private static void save(
      String name, GgufFile start, TrainableModel model, GgmlType type, TrainingResult result, Path out)
      throws IOException {
    Path unnamed = Files.createTempFile(out.toAbsolutePath().getParent(), name, ".tmp");
    try {
      ModelOutput.model(unnamed, start, model.parameters(), type, result);
      try (GgufFile trained = GgufFile.openModel(unnamed)) {
        GgufWriter writer = new GgufWriter().putAll(trained.metadata())
            .put("general.name", GgufValue.string("Sphere " + name))
            .put("sphere.recipe", GgufValue.string("recipes/embedded-model.yaml")); // in lab/
        trained.tensors().values().forEach(tensor -> writer.copy(trained, tensor));
        writer.write(out);
      }
    } finally {
      Files.delete(unnamed);
    }
  }
}
