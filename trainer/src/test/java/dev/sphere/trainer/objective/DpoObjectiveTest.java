package dev.sphere.trainer.objective;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.trainer.TinyModel;
import dev.sphere.trainer.checkpoint.Checkpoints;
import dev.sphere.trainer.checkpoint.StepMetrics;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.Packing.Sharing;
import dev.sphere.trainer.loop.NonFiniteLossException;
import dev.sphere.trainer.loop.RunOptions;
import dev.sphere.trainer.loop.Runs;
import dev.sphere.trainer.loop.TrainSettings;
import dev.sphere.trainer.loop.Trainer;
import dev.sphere.trainer.loop.TrainingListener;
import dev.sphere.trainer.loss.LossSettings;
import dev.sphere.trainer.optim.OptimizerSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class DpoObjectiveTest {
  @TempDir
  Path folder;

  private static Trainer<Example.Preference> trainer(
      TinyModel model, LossSettings loss, TrainSettings settings, RunOptions options) {
    return new Trainer<>(new DpoObjective(model, loss), Runs.pairs(20), settings, options);
  }

  private float[] train(String name, boolean adapter, LossSettings loss, TrainSettings settings) {
    try (TinyModel model = Runs.model(adapter)) {
      trainer(model, loss, settings, RunOptions.in(folder.resolve(name))).run();
      return Runs.weights(model);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void beginsAtLnTwoAndLearnsThePreference(boolean adapter) throws IOException {
    train("a", adapter, LossSettings.defaults(), Runs.settings().withEpochs(20));
    List<JsonNode> metrics = Runs.metrics(folder.resolve("a"));
    JsonNode first = metrics.getFirst();
    assertEquals(Math.log(2), first.path("loss").asDouble(), 1e-12);
    assertEquals(0, first.path("rewards/margins").asDouble());
    assertEquals(0, first.path("rewards/accuracies").asDouble());
    JsonNode last = metrics.getLast();
    assertTrue(last.path("loss").asDouble() < 0.65, last.toString());
    assertTrue(last.path("rewards/accuracies").asDouble() > 0.7, last.toString());
    assertEquals(
        last.path("rewards/chosen").asDouble() - last.path("rewards/rejected").asDouble(),
        last.path("rewards/margins").asDouble(),
        1e-12);
    for (String name : List.of("logps/chosen", "logps/rejected", "grad_norm", "learning_rate", "epoch", "num_tokens",
        "tokens_per_second", "tokens_saved", "padding")) {
      assertTrue(last.has(name), name);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"sigmoid", "ipo", "sft", "aot", "aot_unpaired"})
  void microBatchesAndSharingChangeNothing(String loss) {
    LossSettings l = LossSettings.of(List.of(loss), List.of()).withLdAlpha(0.7);
    TrainSettings s = Runs.settings();
    float[] whole = train("whole", true, l, s);
    float[] single = train("single", true, l, s.withPacking(s.packing().withMicroBatchTokens(1)));
    float[] plain = train("plain", true, l, s.withPacking(s.packing().withSharing(Sharing.NONE)));
    float[] pair = train("pair", true, l, s.withPacking(s.packing().withSharing(Sharing.PAIR)));
    assertArrayEquals(whole, single, 1e-4f);
    assertArrayEquals(whole, plain, 1e-4f);
    assertArrayEquals(whole, pair, 1e-4f);
  }

  /** One SGD step equals the finite difference of the loss, read from metrics of perturbed models. */
  @Test
  void theStepFollowsTheGradientOfTheLoss() throws IOException {
    var pairs = Runs.pairs(6);
    var loss = LossSettings.of(List.of("sigmoid", "sft"), List.of(1.0, 0.5));
    TrainSettings s = Runs.settings()
        .withOptimizer(dev.sphere.trainer.optim.OptimizerSettings.sgd(1, 0).withMaxGradNorm(0))
        .withSchedule(new dev.sphere.trainer.optim.Schedule(dev.sphere.trainer.optim.Schedule.Kind.CONSTANT, 0))
        .withBatchSize(6)
        .withMaxSteps(1);
    float[] before = new float[Runs.VOCAB * 4];
    try (TinyModel model = Runs.model(true)) {
      new Trainer<>(new DpoObjective(model, loss), pairs, s, RunOptions.in(folder.resolve("step"))).run();
      float[] step = Runs.weights(model);
      for (int i = 0; i < before.length; i += 5) {
        double difference = (lossAt(pairs, loss, s, i, 0.01f) - lossAt(pairs, loss, s, i, -0.01f)) / 0.02;
        assertEquals(difference, before[i] - step[i], 1e-4, "weight " + i);
      }
    }
  }

  private double lossAt(List<Example.Preference> pairs, LossSettings loss, TrainSettings s, int index, float change)
      throws IOException {
    String name = index + (change > 0 ? "+" : "-");
    try (TinyModel model = Runs.model(true)) {
      model.parameters().getFirst().value().set(index, change);
      new Trainer<>(new DpoObjective(model, loss), pairs, s, RunOptions.in(folder.resolve(name))).run();
    }
    return Runs.metrics(folder.resolve(name)).getFirst().path("loss").asDouble();
  }

  @Test
  void theReferenceIsCachedWithAKeyThatChangesWithTheModel() throws IOException {
    TrainSettings s = Runs.settings().withMaxSteps(2);
    List<Integer> computed = new ArrayList<>();
    TrainingListener listener = new TrainingListener() {
      @Override
      public void reference(int done, int total) {
        computed.add(done);
      }
    };
    for (String hash : List.of("aa", "aa", "bb")) {
      try (TinyModel model = Runs.model(false); Stream<Path> old = old()) {
        old.forEach(p -> p.toFile().delete());
        var options = RunOptions.in(folder).withModel(hash, java.util.Map.of()).withListener(listener);
        trainer(model, LossSettings.defaults(), s, options).run();
      }
    }
    assertEquals(List.of(1, 2, 3, 4, 5, 1, 2, 3, 4, 5), computed, "computed for aa once, and for bb");
  }

  private Stream<Path> old() throws IOException {
    Path checkpoints = folder.resolve("checkpoints");
    return Files.exists(checkpoints) ? Files.list(checkpoints) : Stream.of();
  }

  @Test
  void oneEpochWithAdapterReadsTheReferenceAsItGoes() {
    try (TinyModel model = Runs.model(true)) {
      var options = RunOptions.in(folder);
      trainer(model, LossSettings.defaults(), Runs.settings().withEpochs(1), options).run();
      assertEquals(5 + 1, model.referenceForwards, "one a step, one probe");
    }
    try (TinyModel model = Runs.model(true)) {
      var loss = LossSettings.of(List.of("sft"), List.of());
      trainer(model, loss, Runs.settings(), RunOptions.in(folder.resolve("sft"))).run();
      assertEquals(0, model.referenceForwards, "sft reads no reference");
    }
  }

  @Test
  void nanStopsWithStepAndRowsNamed() throws IOException {
    TrainSettings s = Runs.settings().withCheckpoints(1, 2);
    try (TinyModel model = Runs.model(false)) {
      float[] good = new float[1];
      TrainingListener poison = new TrainingListener() {
        @Override
        public void step(StepMetrics metrics, int totalSteps) {
          if (metrics.step() == 3) {
            good[0] = 1;
            model.parameters().getFirst().value().set(0, Float.NaN);
          }
        }
      };
      var trainer = trainer(model, LossSettings.defaults(), s, RunOptions.in(folder).withListener(poison));
      var e = assertThrows(NonFiniteLossException.class, trainer::run);
      assertEquals(3, e.step());
      assertFalse(e.rows().isEmpty());
      assertTrue(e.rows().size() <= 4 && e.rows().stream().allMatch(r -> r.startsWith("pair ")), e.getMessage());
      assertTrue(e.getMessage().startsWith("after step 3: a log-probability is not finite in the batch of rows pair "));
      assertTrue(e.getMessage().contains("step-00000002.checkpoint is good"), e.getMessage());
      assertEquals(1, good[0]);
    }
    try (Stream<Path> files = Files.list(folder.resolve("checkpoints"))) {
      assertEquals(
          List.of("step-00000001.checkpoint", "step-00000002.checkpoint"),
          files.map(p -> p.getFileName().toString()).sorted().toList());
    }
  }

  /** A step's own pass is finite where the weights were ruined by the step: what is saved is looked at once more. */
  @Test
  void weightsThatAStepRuinedAreNotSaved() {
    TrainSettings wild = Runs.settings().withOptimizer(OptimizerSettings.adamw(3e38)).withCheckpoints(0, 1).withMaxSteps(1);
    try (TinyModel model = Runs.model(false)) {
      var e = assertThrows(NonFiniteLossException.class,
          trainer(model, LossSettings.defaults(), wild, RunOptions.in(folder))::run);
      assertTrue(e.getMessage().startsWith("after step 1: "), e.getMessage());
      assertTrue(e.getMessage().contains("no checkpoint yet"), e.getMessage());
      assertEquals(List.of(), Checkpoints.files(folder.resolve("checkpoints")));
    }
  }

  /** Before the first step the rows are not to blame. */
  @Test
  void aModelWithNanIsNamed() {
    try (TinyModel model = Runs.model(false)) {
      model.parameters().getFirst().value().set(0, Float.NaN);
      var e = assertThrows(NonFiniteLossException.class,
          trainer(model, LossSettings.defaults(), Runs.settings(), RunOptions.in(folder))::run);
      assertTrue(e.getMessage().contains("The model itself gives it"), e.getMessage());
      assertFalse(e.getMessage().contains("checkpoint"), e.getMessage());
    }
  }

  @Test
  void thatNothingIsLearnedIsSaid() {
    List<String> notes = new ArrayList<>();
    TrainingListener listener = new TrainingListener() {
      @Override
      public void note(String line) {
        notes.add(line);
      }
    };
    try (TinyModel model = Runs.model(true)) {
      LossSettings loss = LossSettings.defaults().withBeta(1e9);
      RunOptions options = RunOptions.in(folder).withListener(listener);
      new Trainer<>(new DpoObjective(model, loss), Runs.pairs(1), Runs.settings().withEpochs(9), options).run();
    }
    assertEquals(1, notes.stream().filter(n -> n.contains("nothing is learned")).count(), notes.toString());
  }

  @Test
  void anInfiniteGradientStopsToo() {
    try (TinyModel model = Runs.model(false)) {
      TrainingListener poison = new TrainingListener() {
        @Override
        public void step(StepMetrics metrics, int totalSteps) {
          model.parameters().getFirst().gradient().set(1, Float.POSITIVE_INFINITY);
        }
      };
      var options = RunOptions.in(folder).withListener(poison);
      var trainer = new Trainer<>(new SftObjective(model), Runs.rows(8), Runs.settings(), options);
      float[][] weights = new float[1][];
      var e = assertThrows(NonFiniteLossException.class, trainer::run);
      weights[0] = Runs.weights(model);
      assertTrue(e.getMessage().startsWith("step 2: the gradient is not finite"), e.getMessage());
      assertTrue(e.getMessage().contains("There is no checkpoint yet"), e.getMessage());
      for (float w : weights[0]) {
        assertTrue(Float.isFinite(w), Arrays.toString(weights[0]));
      }
    }
  }

  @Test
  void nothingToTrainOnIsSaid() {
    try (TinyModel model = Runs.model(false)) {
      var trainer = new Trainer<>(new SftObjective(model), List.of(), Runs.settings(), RunOptions.in(folder));
      assertThrows(IllegalArgumentException.class, trainer::run);
    }
  }
}
