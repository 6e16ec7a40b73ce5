package dev.sphere.trainer.objective;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.trainer.TinyModel;
import dev.sphere.trainer.checkpoint.StepMetrics;
import dev.sphere.trainer.data.Packing.Sharing;
import dev.sphere.trainer.loop.RunOptions;
import dev.sphere.trainer.loop.Runs;
import dev.sphere.trainer.loop.TrainSettings;
import dev.sphere.trainer.loop.Trainer;
import dev.sphere.trainer.loop.TrainingListener;
import dev.sphere.trainer.loop.TrainingResult;
import dev.sphere.trainer.optim.OptimizerSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

class SftObjectiveTest {
  @TempDir
  Path folder;

  private float[] train(String name, TrainSettings settings) {
    try (TinyModel model = Runs.model(false)) {
      new Trainer<>(new SftObjective(model), Runs.rows(8), settings, RunOptions.in(folder.resolve(name))).run();
      return Runs.weights(model);
    }
  }

  @Test
  void overfitsOneBatchToNearZero() throws IOException {
    TrainSettings s = TrainSettings.defaults(0.05).withBatchSize(8).withMaxSteps(400);
    train("a", s);
    List<JsonNode> metrics = Runs.metrics(folder.resolve("a"));
    assertEquals(400, metrics.size());
    assertTrue(metrics.getFirst().path("loss").asDouble() > 1.5, "starts near ln 9");
    assertTrue(metrics.getLast().path("loss").asDouble() < 0.01, metrics.getLast().toString());
    assertEquals(400 * 8 * 4, metrics.getLast().path("num_tokens").asLong());
    assertEquals(400, metrics.getLast().path("epoch").asDouble());
  }

  @Test
  void accumulatedMicroBatchesEqualOneBatch() {
    TrainSettings s = Runs.settings().withBatchSize(8);
    float[] whole = train("whole", s);
    float[] single = train("single", s.withPacking(s.packing().withMicroBatchTokens(1)));
    assertArrayEquals(whole, single, 2e-5f);
    float[] plain = train("plain", s.withPacking(s.packing().withSharing(Sharing.NONE)));
    assertArrayEquals(whole, plain, 2e-5f);
  }

  @Test
  void twoRunsAreBitEqualAndTheSeedMatters() throws IOException {
    float[] a = train("a", Runs.settings());
    float[] b = train("b", Runs.settings());
    assertArrayEquals(a, b);
    assertEquals(Runs.curve(folder.resolve("a")), Runs.curve(folder.resolve("b")));
    float[] c = train("c", Runs.settings().withSeed(8));
    assertTrue(!java.util.Arrays.equals(a, c));
  }

  @Test
  void sgdLearnsToo() throws IOException {
    train("a", Runs.settings().withOptimizer(OptimizerSettings.sgd(0.5, 0.9)).withBatchSize(8).withMaxSteps(100));
    List<JsonNode> metrics = Runs.metrics(folder.resolve("a"));
    assertTrue(metrics.getLast().path("loss").asDouble() < 0.3 * metrics.getFirst().path("loss").asDouble());
  }

  @Test
  void metricsAreMeansBetweenLines() throws IOException {
    train("every", Runs.settings());
    train("third", Runs.settings().withLogEvery(3));
    List<JsonNode> every = Runs.metrics(folder.resolve("every"));
    List<JsonNode> third = Runs.metrics(folder.resolve("third"));
    assertEquals(every.size() / 3, third.size());
    double mean = 0;
    for (int i = 0; i < 3; i++) {
      mean += every.get(i).path("loss").asDouble() / 3;
    }
    assertEquals(mean, third.getFirst().path("loss").asDouble(), 1e-12);
    assertEquals(3, third.getFirst().path("step").asInt());
  }

  @Test
  void listenerHearsEverything() {
    List<String> heard = new ArrayList<>();
    TrainingListener listener = new TrainingListener() {
      @Override
      public void started(int firstStep, int totalSteps) {
        heard.add("start " + firstStep + "/" + totalSteps);
      }

      @Override
      public void step(StepMetrics metrics, int totalSteps) {
        heard.add("step " + metrics.step());
      }

      @Override
      public void checkpoint(Path file) {
        heard.add(file.getFileName().toString());
      }
    };
    try (TinyModel model = Runs.model(false)) {
      var options = RunOptions.in(folder).withListener(listener);
      TrainingResult result =
          new Trainer<>(
              new SftObjective(model), Runs.rows(8), Runs.settings().withEpochs(1).withCheckpoints(1, 1), options).run();
      assertTrue(result.complete());
      assertEquals(2, result.steps());
      assertTrue(Files.exists(result.checkpoint()));
    }
    assertEquals(
        List.of("start 0/2", "step 1", "step-00000001.checkpoint", "step 2", "step-00000002.checkpoint"), heard);
  }
}
