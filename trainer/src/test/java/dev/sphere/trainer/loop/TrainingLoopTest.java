package dev.sphere.trainer.loop;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.trainer.TinyModel;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.MicroBatch;
import dev.sphere.trainer.data.Packing;
import dev.sphere.trainer.data.TrainingSequence;
import dev.sphere.trainer.data.TreePacker;
import dev.sphere.trainer.loss.LossSettings;
import dev.sphere.trainer.objective.DpoObjective;
import dev.sphere.trainer.optim.OptimizerSettings;
import dev.sphere.trainer.optim.Schedule;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** What the loop does with its settings: numbers worked out here from log-probabilities, one sequence at a time. */
class TrainingLoopTest {
  private static final int ROWS = 20;
  private static final double BETA = 0.3;
  private static final LossSettings LOSS = LossSettings.defaults().withBeta(BETA);

  @TempDir
  Path folder;

  /** Plain descent at rate 1, so that a step is the gradient itself. */
  private static TrainSettings descent() {
    return Runs.settings()
        .withOptimizer(OptimizerSettings.sgd(1, 0).withMaxGradNorm(0))
        .withSchedule(new Schedule(Schedule.Kind.CONSTANT, 0))
        .withOrder(TrainSettings.Order.GIVEN)
        .withBatchSize(ROWS);
  }

  private float[] train(String name, boolean adapter, TrainSettings settings) {
    return train(name, adapter, settings, null);
  }

  private float[] train(String name, boolean adapter, TrainSettings settings, RunOptions.Evaluation evaluation) {
    try (TinyModel model = Runs.model(adapter)) {
      RunOptions options = RunOptions.in(folder.resolve(name)).withEvaluation(evaluation);
      new Trainer<>(new DpoObjective(model, LOSS), Runs.pairs(ROWS), settings, options).run();
      return Runs.weights(model);
    }
  }

  private static float[] start(boolean adapter) {
    try (TinyModel model = Runs.model(adapter)) {
      return Runs.weights(model);
    }
  }

  private static double[] change(float[] before, float[] after) {
    double[] change = new double[before.length];
    for (int i = 0; i < change.length; i++) {
      change[i] = (double) after[i] - before[i];
    }
    return change;
  }

  private static double norm(double[] values) {
    double sum = 0;
    for (double v : values) {
      sum += v * v;
    }
    return Math.sqrt(sum);
  }

  private static List<Double> column(List<JsonNode> metrics, String name) {
    return metrics.stream().filter(m -> m.has(name)).map(m -> m.path(name).asDouble()).toList();
  }

  /** A step is as long as the largest norm allows, in the gradient's direction; the metrics have the norm before. */
  @Test
  void gradientsAreClipped() throws IOException {
    TrainSettings one = descent().withMaxSteps(1);
    double[] free = change(start(true), train("free", true, one));
    double length = norm(free);
    double most = length / 4;
    TrainSettings held = one.withOptimizer(OptimizerSettings.sgd(1, 0).withMaxGradNorm(most));
    double[] clipped = change(start(true), train("clipped", true, held));
    for (int i = 0; i < free.length; i++) {
      assertEquals(free[i] / 4, clipped[i], 1e-6, "weight " + i);
    }
    for (String name : List.of("free", "clipped")) {
      assertEquals(length, Runs.metrics(folder.resolve(name)).getFirst().path("grad_norm").asDouble(), 1e-6);
    }
    TrainSettings loose = one.withOptimizer(OptimizerSettings.sgd(1, 0).withMaxGradNorm(2 * length));
    assertArrayEquals(train("free again", true, one), train("loose", true, loose), "below the norm nothing is scaled");
  }

  /** Rates over all epochs: a rise, then down to one step before 0; and the step is as long as its rate says. */
  @Test
  void theRateOfEachStepIsTheSchedules() throws IOException {
    TrainSettings two = descent().withBatchSize(8).withEpochs(2).withSchedule(new Schedule(Schedule.Kind.LINEAR, 2));
    train("linear", true, two);
    List<JsonNode> metrics = Runs.metrics(folder.resolve("linear"));
    List<Double> rates = column(metrics, "learning_rate");
    assertEquals(6, rates.size());
    double[] expected = {0.5, 1, 1, 0.75, 0.5, 0.25};
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], rates.get(i), 1e-12, "step " + (i + 1));
      assertEquals((i + 1) / 3.0, metrics.get(i).path("epoch").asDouble(), 1e-12,
          "3 steps an epoch, the last of 4 rows");
    }
    TrainSettings one = descent().withMaxSteps(1);
    double[] full = change(start(true), train("full", true, one));
    double[] risen = change(start(true), train("risen", true, one.withSchedule(new Schedule(Schedule.Kind.CONSTANT,
        4))));
    double[] slow = change(start(true), train("slow", true, one.withOptimizer(OptimizerSettings.sgd(0.1,
        0).withMaxGradNorm(0))));
    for (int i = 0; i < full.length; i++) {
      assertEquals(full[i] / 4, risen[i], 1e-6, "the first of 4 steps of a rise");
      assertEquals(full[i] / 10, slow[i], 1e-6, "a tenth of the rate");
    }
  }

  /** An epoch of 20 rows in batches of 8 has all of them, and their tokens are counted. */
  @Test
  void theSmallLastBatchIsTrainedOnToo() throws IOException {
    train("a", true, descent().withBatchSize(8).withEpochs(2));
    long tokens = Runs.pairs(ROWS).stream().mapToLong(p -> p.chosen().length() + p.rejected().length()).sum();
    JsonNode last = Runs.metrics(folder.resolve("a")).getLast();
    assertEquals(2 * tokens, last.path("num_tokens").asLong());
    assertEquals(2, last.path("epoch").asDouble());
  }

  /** A run that is stopped and resumed makes the same steps with the same moments, and goes on counting its tokens. */
  @Test
  void aStoppedRunCountsOn() throws IOException {
    TrainSettings s = Runs.settings().withBatchSize(8).withEpochs(2);
    float[] whole = train("whole", true, s);
    int[] asked = {0};
    RunOptions options = RunOptions.in(folder.resolve("parts")).withResume(true).withStop(() -> ++asked[0] == 4);
    for (int part = 1; part <= 2; part++) {
      try (TinyModel model = Runs.model(true)) {
        TrainingResult result = new Trainer<>(new DpoObjective(model, LOSS), Runs.pairs(ROWS), s, options).run();
        assertEquals(part == 1 ? 3 : 6, result.steps());
        assertEquals(part == 2, result.complete());
        if (part == 2) {
          assertArrayEquals(whole, Runs.weights(model));
        }
      }
    }
    assertEquals(Runs.curve(folder.resolve("whole")), Runs.curve(folder.resolve("parts")));
  }

  /** A trainer whose run failed before its first checkpoint begins anew when it is run again, and counts so. */
  @Test
  void aTrainerThatFailedBeginsAnew() throws IOException {
    int[] asked = {0};
    RunOptions options = RunOptions.in(folder).withStop(() -> {
      if (++asked[0] == 3) {
        throw new IllegalStateException("a listener's mistake");
      }
      return false;
    });
    try (TinyModel model = Runs.model(true)) {
      TrainSettings s = Runs.settings().withBatchSize(8).withEpochs(2).withCheckpoints(0, 1).withLogEvery(6);
      var trainer = new Trainer<>(new DpoObjective(model, LOSS), Runs.pairs(ROWS), s, options);
      assertThrows(IllegalStateException.class, trainer::run);
      trainer.run();
    }
    long tokens = Runs.pairs(ROWS).stream().mapToLong(p -> p.chosen().length() + p.rejected().length()).sum();
    assertEquals(2 * tokens, Runs.metrics(folder).getLast().path("num_tokens").asLong());
  }

  /** Log π of a completion, one sequence in a pass of its own. */
  private static double logProb(TinyModel model, TrainingSequence s) {
    MicroBatch m = new TreePacker(Packing.defaults()).pack(List.of(new Example.Imitation("x", "x", s))).getFirst();
    double sum = 0;
    for (float l : m.gather(model.logProbs(m.batch(), false), 0, 0)) {
      sum += l;
    }
    return sum;
  }

  /** What the metrics must say of these pairs, with the weights that are set into a fresh model. */
  private record Expected(double loss, double chosen, double rejected, double right, double logChosen,
      double logRejected) {
    static Expected of(boolean adapter, float[] weights, List<Example.Preference> pairs) {
      double[] sums = new double[6];
      try (TinyModel before = Runs.model(adapter); TinyModel model = Runs.model(adapter)) {
        int at = 0;
        for (var p : model.parameters()) {
          for (long i = 0; i < p.value().size(); i++) {
            p.value().set(i, weights[at++]);
          }
        }
        for (Example.Preference p : pairs) {
          double w = logProb(model, p.chosen());
          double l = logProb(model, p.rejected());
          double rw = BETA * (w - logProb(before, p.chosen()));
          double rl = BETA * (l - logProb(before, p.rejected()));
          double[] values = {Math.log1p(Math.exp(rl - rw)), rw, rl, rw > rl ? 1 : 0, w, l};
          for (int i = 0; i < sums.length; i++) {
            sums[i] += values[i] / pairs.size();
          }
        }
      }
      return new Expected(sums[0], sums[1], sums[2], sums[3], sums[4], sums[5]);
    }

    void check(JsonNode metrics, String prefix) {
      assertEquals(loss, metrics.path(prefix + "loss").asDouble(), 1e-5, "loss");
      assertEquals(chosen, metrics.path(prefix + "rewards/chosen").asDouble(), 1e-5, "chosen");
      assertEquals(rejected, metrics.path(prefix + "rewards/rejected").asDouble(), 1e-5, "rejected");
      assertEquals(chosen - rejected, metrics.path(prefix + "rewards/margins").asDouble(), 1e-5, "margin");
      assertEquals(right, metrics.path(prefix + "rewards/accuracies").asDouble(), 1e-9, "accuracy");
      assertEquals(logChosen, metrics.path(prefix + "logps/chosen").asDouble(), 1e-4, "log-probability of chosen");
      assertEquals(logRejected, metrics.path(prefix + "logps/rejected").asDouble(), 1e-4, "of rejected");
    }
  }

  /**
   * Trained and held-out rows are measured against the policy as it was at the start, whatever the reference comes
   * from: the adapter switched off as it goes (one epoch), or a cache (several, or all weights). Held-out rows come in
   * batches of 8, 8 and 3: their means are over rows.
   */
  @ParameterizedTest
  @CsvSource({"true,1", "true,4", "false,1", "false,4"})
  void metricsAreThoseOfThePairs(boolean adapter, int epochs) throws IOException {
    List<Example.Preference> heldOut = new ArrayList<>(Runs.pairs(50).subList(31, 50));
    TrainSettings s = Runs.settings().withOptimizer(OptimizerSettings.adamw(0.3)).withBatchSize(8).withEpochs(epochs);
    String name = "a" + adapter + epochs;
    float[] end = train(name, adapter, s, new RunOptions.Evaluation(heldOut, 0));
    List<JsonNode> metrics = Runs.metrics(folder.resolve(name));
    Expected.of(adapter, start(adapter), heldOut).check(metrics.getFirst(), "eval_");
    Expected after = Expected.of(adapter, end, heldOut);
    after.check(metrics.getLast(), "eval_");
    assertTrue(Math.abs(after.loss - Math.log(2)) > 1e-3 && after.right > 0 && after.right < 1, after.toString());
    // One whole batch, its second step: the weights after the first.
    TrainSettings whole = descent().withMaxSteps(epochs == 1 ? 1 : 2);
    float[] first = train(name + "first", adapter, descent().withMaxSteps(1));
    train(name + "whole", adapter, whole);
    Expected.of(adapter, epochs == 1 ? start(adapter) : first, Runs.pairs(ROWS))
        .check(Runs.metrics(folder.resolve(name + "whole")).getLast(), "");
  }

  /** Other rows of the same lengths in the same folder must not meet the first ones' cached reference. */
  @Test
  void theReferencesCacheBelongsToItsRows() throws IOException {
    List<Example.Preference> turned = Runs.pairs(ROWS).stream()
        .map(p -> new Example.Preference(p.id(), p.tree(), turn(p.chosen()), turn(p.rejected())))
        .toList();
    for (List<Example.Preference> rows : List.of(Runs.pairs(ROWS), turned)) {
      try (TinyModel model = Runs.model(false)) {
        new Trainer<>(new DpoObjective(model, LOSS), rows, descent().withMaxSteps(1), RunOptions.in(folder)).run();
      }
      assertEquals(Math.log(2), Runs.metrics(folder).getFirst().path("loss").asDouble(), 1e-12);
      try (Stream<Path> old = java.nio.file.Files.list(folder.resolve("checkpoints"))) {
        old.forEach(p -> p.toFile().delete());
      }
    }
  }

  /** Every token's neighbour in its place. */
  private static TrainingSequence turn(TrainingSequence s) {
    int[] tokens = s.tokens().clone();
    for (int i = 0; i < tokens.length; i++) {
      tokens[i] = (tokens[i] + 1) % Runs.VOCAB;
    }
    return new TrainingSequence(tokens, s.promptLength());
  }
}
