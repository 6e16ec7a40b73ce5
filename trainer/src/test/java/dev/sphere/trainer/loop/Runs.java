package dev.sphere.trainer.loop;

import dev.sphere.trainer.Parameter;
import dev.sphere.trainer.TinyModel;
import dev.sphere.trainer.TrainableModel;
import dev.sphere.trainer.checkpoint.StepMetrics;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.TrainingSequence;
import dev.sphere.trainer.objective.DpoObjective;
import dev.sphere.trainer.loss.LossSettings;
import dev.sphere.trainer.optim.OptimizerSettings;
import dev.sphere.trainer.optim.Schedule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Data, models and settings of the loop's tests; as a program, the run that is killed. */
public final class Runs {
  public static final int VOCAB = 9;

  private Runs() {}

  public static TinyModel model(boolean adapter) {
    return new TinyModel(VOCAB, 4, 3, adapter);
  }

  public static TrainSettings settings() {
    return TrainSettings.defaults(0.05)
        .withOptimizer(OptimizerSettings.adamw(0.05).withWeightDecay(0.01))
        .withSchedule(new Schedule(Schedule.Kind.COSINE, 3))
        .withBatchSize(4)
        .withEpochs(3)
        .withSeed(7)
        .withCheckpoints(4, 2);
  }

  public static List<Example.Preference> pairs(int n) {
    Random random = new Random(11);
    List<Example.Preference> pairs = new ArrayList<>();
    int[] prompt = {};
    for (int i = 0; i < n; i++) {
      if (i % 3 == 0) {
        prompt = random.ints(3, 0, VOCAB).toArray();
      }
      int[] chosen = random.ints(2 + random.nextInt(4), 0, VOCAB).toArray();
      int[] rejected = random.ints(1 + random.nextInt(4), 0, VOCAB).toArray();
      pairs.add(new Example.Preference(
          "pair " + i,
          Arrays.toString(prompt),
          TrainingSequence.of(prompt, chosen),
          TrainingSequence.of(prompt, rejected)));
    }
    return pairs;
  }

  /** Each completion follows from its prompt, so that it can be learnt. */
  public static List<Example.Imitation> rows(int n) {
    List<Example.Imitation> rows = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      int a = i % VOCAB;
      rows.add(new Example.Imitation(
          "row " + i, "row " + i, TrainingSequence.of(new int[] {a, 0}, new int[] {(a + 2) % VOCAB, (a * 2) % VOCAB})));
    }
    return rows;
  }

  public static float[] weights(TrainableModel model) {
    int size = model.parameters().stream().mapToInt(p -> Math.toIntExact(p.value().size())).sum();
    float[] all = new float[size];
    int at = 0;
    for (Parameter p : model.parameters()) {
      float[] values = new float[Math.toIntExact(p.value().size())];
      p.value().read(0, values);
      System.arraycopy(values, 0, all, at, values.length);
      at += values.length;
    }
    return all;
  }

  /** The metrics of a run's file, without the clock's. */
  public static List<String> curve(Path folder) throws IOException {
    List<String> curve = new ArrayList<>();
    for (String line : Files.readAllLines(folder.resolve("metrics.jsonl"))) {
      curve.add(line.replaceAll("\"tokens_per_second\":[^,}]*", ""));
    }
    return curve;
  }

  public static List<JsonNode> metrics(Path folder) throws IOException {
    JsonMapper json = JsonMapper.builder().build();
    return Files.readAllLines(folder.resolve("metrics.jsonl")).stream().map(json::readTree).toList();
  }

  /** Trains in the folder args[0], slowly when args[1] says so, and prints each step; resumes what is there. */
  public static void main(String[] args) throws IOException {
    long pause = Long.parseLong(args[1]);
    TrainingListener listener = new TrainingListener() {
      @Override
      public void step(StepMetrics metrics, int totalSteps) {
        System.out.println("step " + metrics.step());
        try {
          Thread.sleep(pause);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
        }
      }
    };
    RunOptions options = RunOptions.in(Path.of(args[0])).withResume(true).withListener(listener);
    try (TinyModel model = model(false)) {
      new Trainer<>(new DpoObjective(model, LossSettings.defaults()), pairs(20), settings(), options).run();
      StringBuilder text = new StringBuilder();
      for (float w : weights(model)) {
        text.append(Float.floatToRawIntBits(w)).append('\n');
      }
      Files.writeString(Path.of(args[0]).resolve("weights.txt"), text);
    }
  }
}
