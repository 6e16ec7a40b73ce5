package dev.sphere.trainer.objective;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.trainer.TinyModel;
import dev.sphere.trainer.checkpoint.MetricSums;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.MicroBatch;
import dev.sphere.trainer.data.Packing;
import dev.sphere.trainer.data.TrainingSequence;
import dev.sphere.trainer.data.TreePacker;
import dev.sphere.trainer.loop.Objective;
import dev.sphere.trainer.loop.RunOptions;
import dev.sphere.trainer.loop.Runs;
import dev.sphere.trainer.loop.TrainSettings;
import dev.sphere.trainer.loop.Trainer;
import dev.sphere.trainer.loop.TrainingResult;
import dev.sphere.trainer.loss.LossSettings;
import dev.sphere.trainer.loss.LossSettings.Sync;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** WPO, TR-DPO, weighted imitation and step labels: what they add to a gradient, against numbers worked out here. */
class ObjectivesTest {
  @TempDir
  Path folder;

  private static List<MicroBatch> packed(List<? extends Example> examples) {
    return new TreePacker(Packing.defaults()).pack(examples);
  }

  private static <E extends Example> float[] gradient(TinyModel model, Objective<E> objective, List<E> examples) {
    model.parameters().forEach(p -> dev.sphere.bindings.kernel.OptimizerKernels.zero(p.gradient()));
    objective.accumulate(0, examples, packed(examples), new MetricSums());
    List<Float> all = new ArrayList<>();
    model.parameters().forEach(p -> {
      for (long i = 0; i < p.gradient().size(); i++) {
        all.add(p.gradient().get(i));
      }
    });
    float[] flat = new float[all.size()];
    for (int i = 0; i < flat.length; i++) {
      flat[i] = all.get(i);
    }
    return flat;
  }

  private static <E extends Example> double loss(Objective<E> objective, List<E> examples) {
    MetricSums metrics = new MetricSums();
    objective.measure(0, examples, packed(examples), metrics);
    return metrics.means().get("loss");
  }

  /**
   * The policy's probabilities of all tokens after a sequence, one pass a token: a sum that is 1 checks the model
   * too.
   */
  private static double[] distribution(TinyModel model, int[] context) {
    double[] p = new double[Runs.VOCAB];
    double sum = 0;
    for (int v = 0; v < p.length; v++) {
      Example e = new Example.Imitation("x", "x", TrainingSequence.of(context, new int[] {v}));
      MicroBatch m = packed(List.of(e)).getFirst();
      p[v] = Math.exp(model.logProbs(m.batch(), false)[0]);
      sum += p[v];
    }
    assertEquals(1, sum, 1e-5);
    return p;
  }

  /** Σ over a completion of log p(token) - log Σ p², divided by its length. */
  private static double aligned(TinyModel model, TrainingSequence s) {
    double sum = 0;
    for (int i = s.promptLength(); i < s.length(); i++) {
      double[] p = distribution(model, java.util.Arrays.copyOf(s.tokens(), i));
      double collision = 0;
      for (double x : p) {
        collision += x * x;
      }
      sum += Math.log(p[s.tokens()[i]] / collision);
    }
    return sum / s.completionLength();
  }

  @Test
  void wpoScalesAPairsLossAndGradientByItsWeight() {
    try (TinyModel model = Runs.model(false)) {
      Example.Preference pair = Runs.pairs(3).get(2);
      double weight = Math.exp(aligned(model, pair.chosen()) + aligned(model, pair.rejected()));
      assertTrue(Math.abs(weight - 1) > 0.01, "the test must see a weight: " + weight);
      LossSettings plain = LossSettings.of(List.of("ipo"), List.of()).withReferenceFree(true);
      Objective<Example.Preference> without = new DpoObjective(model, plain);
      Objective<Example.Preference> with = new DpoObjective(model, plain.withWpo(true));
      assertEquals(weight * loss(without, List.of(pair)), loss(with, List.of(pair)), 1e-6);
      float[] expected = gradient(model, without, List.of(pair));
      for (int i = 0; i < expected.length; i++) {
        expected[i] *= (float) weight;
      }
      assertArrayEquals(expected, gradient(model, with, List.of(pair)), 1e-5f);
    }
    LossSettings aot = LossSettings.of(List.of("aot"), List.of());
    assertThrows(IllegalArgumentException.class, () -> aot.withWpo(true));
  }

  /** The likelihood of chosen completions is that of all their tokens, whatever LD-DPO weighs down; as in TRL. */
  @Test
  void imitationBesideLdDpoKeepsItsTail() {
    try (TinyModel model = Runs.model(true)) {
      List<Example.Preference> pairs = Runs.pairs(6);
      assertTrue(pairs.stream().anyMatch(p -> p.chosen().completionLength() > p.rejected().completionLength()));
      LossSettings sft = LossSettings.of(List.of("sft"), List.of());
      LossSettings ld = LossSettings.of(List.of("ipo"), List.of()).withReferenceFree(true).withLdAlpha(0.3);
      LossSettings both = LossSettings.of(List.of("ipo", "sft"), List.of()).withReferenceFree(true).withLdAlpha(0.3);
      double expected = loss(new DpoObjective(model, sft), pairs);
      assertEquals(expected, loss(new DpoObjective(model, sft.withLdAlpha(0.3)), pairs), 1e-12);
      assertEquals(expected + loss(new DpoObjective(model, ld), pairs), loss(new DpoObjective(model, both), pairs), 1e-9);
      float[] ofSft = gradient(model, new DpoObjective(model, sft), pairs);
      float[] ofLd = gradient(model, new DpoObjective(model, ld), pairs);
      float[] ofBoth = gradient(model, new DpoObjective(model, both), pairs);
      for (int i = 0; i < ofBoth.length; i++) {
        assertEquals(ofSft[i] + ofLd[i], ofBoth[i], 1e-5, "weight " + i);
      }
    }
  }

  /** After τ = 2 steps the reference is α policy + (1 - α) start; with α = 1 the loss begins at ln 2 again. */
  @Test
  void theReferenceFollowsThePolicy() throws IOException {
    for (boolean adapter : new boolean[] {true, false}) {
      float[] start;
      float[] two;
      try (TinyModel model = Runs.model(adapter)) {
        start = Runs.weights(model);
      }
      TrainSettings s = Runs.settings().withMaxSteps(2).withBatchSize(20).withOrder(TrainSettings.Order.GIVEN);
      LossSettings mixed = LossSettings.defaults().withSync(new Sync(2, 0.25));
      try (TinyModel model = Runs.model(adapter); MovingReference reference = new MovingReference(model, mixed.sync())) {
        RunOptions options = RunOptions.in(folder.resolve("a" + adapter));
        new Trainer<>(new DpoObjective(model, LossSettings.defaults()), Runs.pairs(20), s, options).run();
        two = Runs.weights(model);
        reference.stepped(1);
        reference.stepped(2);
        int at = 0;
        for (var state : reference.state().values()) {
          for (long i = 0; i < state.size(); i++, at++) {
            assertEquals(0.25 * two[at] + 0.75 * start[at], state.get(i), 1e-6);
          }
        }
        assertEquals(start.length, at);
        assertArrayEquals(two, Runs.weights(model), "the policy is left alone");
        reference.of(packed(Runs.pairs(3)).getFirst(), Runs.pairs(3));
        assertArrayEquals(two, Runs.weights(model), "and after a reading too");
      }
      Path hard = folder.resolve("hard" + adapter);
      try (TinyModel model = Runs.model(adapter)) {
        LossSettings sync = LossSettings.defaults().withSync(new Sync(2, 1));
        new Trainer<>(new DpoObjective(model, sync), Runs.pairs(20), s.withMaxSteps(4), RunOptions.in(hard)).run();
      }
      List<JsonNode> metrics = Runs.metrics(hard);
      assertEquals(Math.log(2), metrics.get(0).path("loss").asDouble(), 1e-12);
      assertTrue(metrics.get(1).path("loss").asDouble() < 0.693, metrics.toString());
      assertEquals(Math.log(2), metrics.get(2).path("loss").asDouble(), 1e-12, "step 3 begins at its new reference");
    }
  }

  @Test
  void weightedImitationIsTheWeightedMean() {
    try (TinyModel model = Runs.model(false)) {
      TrainingSequence a = TrainingSequence.of(new int[] {1, 2}, new int[] {3, 4, 5});
      TrainingSequence b = TrainingSequence.of(new int[] {1, 2}, new int[] {3, 6});
      Objective<Example.Imitation> objective = new SftObjective(model);
      double onlyA = loss(objective, List.of(new Example.Imitation("a", "t", a)));
      double onlyB = loss(objective, List.of(new Example.Imitation("b", "t", b)));
      List<Example.Imitation> both =
          List.of(new Example.Imitation("a", "t", a, 0.5), new Example.Imitation("b", "t", b, 3));
      assertEquals((0.5 * 3 * onlyA + 3 * 2 * onlyB) / (0.5 * 3 + 3 * 2), loss(objective, both), 1e-6);
      float[] ofA = gradient(model, objective, List.of(both.get(0)));
      float[] ofB = gradient(model, objective, List.of(both.get(1)));
      float[] of = gradient(model, objective, both);
      for (int i = 0; i < of.length; i++) {
        assertEquals((1.5 * ofA[i] + 6 * ofB[i]) / 7.5, of[i], 1e-5);
      }
    }
  }

  /** Two labelled steps: cross-entropy of the labels under the two tokens' softmax, by hand; then by differences. */
  @Test
  void stepLabelsAreACrossEntropyOfTwoTokens() {
    int good = 7;
    int bad = 8;
    try (TinyModel model = Runs.model(false)) {
      int[][] contexts = {{1, 2, 3}, {1, 2, 3, 4}};
      double[] labels = {0.25, 1};
      List<Example.Step> steps = new ArrayList<>();
      double expected = 0;
      double scores = 0;
      double right = 0;
      for (int i = 0; i < 2; i++) {
        steps.add(new Example.Step("s" + i, "t", List.of(TrainingSequence.of(contexts[i], new int[] {good}),
            TrainingSequence.of(contexts[i], new int[] {bad})), labels[i]));
        double[] p = distribution(model, contexts[i]);
        double score = p[good] / (p[good] + p[bad]);
        scores += score / 2;
        right += score > 0.5 == labels[i] > 0.5 ? 0.5 : 0;
        expected -= (labels[i] * Math.log(score) + (1 - labels[i]) * Math.log(1 - score)) / 2;
      }
      Objective<Example.Step> objective = new StepObjective(model);
      assertEquals(4, packed(steps).getFirst().batch().usedSlots(), "the two steps share their tokens");
      assertEquals(expected, loss(objective, steps), 1e-6);
      MetricSums metrics = new MetricSums();
      objective.measure(0, steps, packed(steps), metrics);
      assertEquals(scores, metrics.means().get("mean_score"), 1e-6);
      assertEquals(0.625, metrics.means().get("mean_label"), 1e-12);
      assertEquals(right, metrics.means().get("accuracy"), 1e-12);
      float[] gradient = gradient(model, objective, steps);
      var value = model.parameters().getFirst().value();
      for (int i : new int[] {4, 5, 6, 9, 13, 17}) {
        float at = value.get(i);
        value.set(i, at + 1e-2f);
        double up = loss(objective, steps);
        value.set(i, at - 1e-2f);
        double down = loss(objective, steps);
        value.set(i, at);
        assertEquals((up - down) / 2e-2, gradient[i], 2e-4, "weight " + i);
      }
    }
  }

  @Test
  void stepLabelsAreLearnt() {
    try (TinyModel model = Runs.model(false)) {
      List<Example.Step> steps = new ArrayList<>();
      for (int i = 0; i < 6; i++) {
        steps.add(new Example.Step("s" + i, "t" + i, List.of(TrainingSequence.of(new int[] {i, 0}, new int[] {7}),
            TrainingSequence.of(new int[] {i, 0}, new int[] {8})), i % 2));
      }
      TrainSettings s = Runs.settings().withMaxSteps(300).withBatchSize(6);
      TrainingResult result = new Trainer<>(new StepObjective(model), steps, s, RunOptions.in(folder)).run();
      assertTrue(result.last().get("loss") < 0.02, result.last().toString());
      assertEquals(1, result.last().get("accuracy"));
    }
  }
}
