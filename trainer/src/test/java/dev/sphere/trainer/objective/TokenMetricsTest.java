package dev.sphere.trainer.objective;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.trainer.PackedBatch;
import dev.sphere.trainer.Parameter;
import dev.sphere.trainer.TinyModel;
import dev.sphere.trainer.TrainableModel;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.TrainingSequence;
import dev.sphere.trainer.loop.RunOptions;
import dev.sphere.trainer.loop.Runs;
import dev.sphere.trainer.loop.TrainSettings;
import dev.sphere.trainer.loop.Trainer;
import dev.sphere.trainer.loss.LossSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** TRL's metrics of tokens, against loops over each sequence alone. */
class TokenMetricsTest {
  @TempDir
  Path folder;

  /** Sums over a sequence's completion tokens. */
  private record Sums(double tokens, double entropy, double right, double logits) {
    static Sums of(TinyModel model, TrainingSequence s, double weight) {
      double[] sums = new double[4];
      for (int t = s.promptLength(); t < s.length(); t++) {
        double[] z = model.logitsAfter(Arrays.copyOf(s.tokens(), t));
        double normaliser = Math.log(Arrays.stream(z).map(Math::exp).sum());
        sums[0] += weight;
        sums[1] -= weight * Arrays.stream(z).map(v -> Math.exp(v - normaliser) * (v - normaliser)).sum();
        int top = s.tokens()[t];
        sums[2] += Arrays.stream(z).max().orElseThrow() == z[top] ? weight : 0;
        sums[3] += weight * Arrays.stream(z).average().orElseThrow();
      }
      return new Sums(sums[0], sums[1], sums[2], sums[3]);
    }

    Sums plus(Sums other) {
      return new Sums(tokens + other.tokens, entropy + other.entropy, right + other.right, logits + other.logits);
    }
  }

  private static Sums sum(List<Sums> all) {
    return all.stream().reduce(new Sums(0, 0, 0, 0), Sums::plus);
  }

  private static void checkPairs(JsonNode metrics, String prefix, TinyModel model, List<Example.Preference> pairs) {
    Sums chosen = sum(pairs.stream().map(p -> Sums.of(model, p.chosen(), 1)).toList());
    Sums rejected = sum(pairs.stream().map(p -> Sums.of(model, p.rejected(), 1)).toList());
    double entropy = (chosen.entropy + rejected.entropy) / (chosen.tokens + rejected.tokens);
    assertEquals(entropy, metrics.path(prefix + "entropy").asDouble(), 1e-6);
    assertEquals(chosen.right / chosen.tokens, metrics.path(prefix + "mean_token_accuracy").asDouble(), 1e-9);
    assertEquals(chosen.logits / chosen.tokens, metrics.path(prefix + "logits/chosen").asDouble(), 1e-6);
    assertEquals(rejected.logits / rejected.tokens, metrics.path(prefix + "logits/rejected").asDouble(), 1e-6);
  }

  /** Packed trees share predictions, which count for each sequence; aot sees all pairs before it weighs any. */
  @ParameterizedTest
  @ValueSource(strings = {"sigmoid", "aot"})
  void pairs(String loss) throws IOException {
    List<Example.Preference> pairs = Runs.pairs(12);
    List<Example.Preference> heldOut = new ArrayList<>(Runs.pairs(18).subList(12, 18));
    TrainSettings s = Runs.settings().withBatchSize(12).withMaxSteps(1);
    try (TinyModel model = Runs.model(true); TinyModel start = Runs.model(true)) {
      RunOptions options = RunOptions.in(folder).withEvaluation(new RunOptions.Evaluation(heldOut, 0));
      new Trainer<>(new DpoObjective(model, LossSettings.of(List.of(loss), List.of())), pairs, s, options).run();
      List<JsonNode> metrics = Runs.metrics(folder);
      checkPairs(metrics.getFirst(), "eval_", start, heldOut);
      checkPairs(metrics.get(1), "", start, pairs); // of the pass before the step
      checkPairs(metrics.get(1), "eval_", model, heldOut);
      double before = metrics.getFirst().path("eval_entropy").asDouble();
      assertTrue(Math.abs(before - metrics.get(1).path("eval_entropy").asDouble()) > 1e-6, "the step shows");
    }
  }

  /** Tokens count by their example's weight, as in the loss. */
  @Test
  void imitation() throws IOException {
    List<Example.Imitation> rows = new ArrayList<>();
    Runs.rows(8).forEach(r -> rows.add(new Example.Imitation(r.id(), r.tree(), r.sequence(), rows.size() % 3)));
    try (TinyModel model = Runs.model(false); TinyModel start = Runs.model(false)) {
      var trainer = new Trainer<>(
          new SftObjective(model), rows, Runs.settings().withBatchSize(8).withMaxSteps(1), RunOptions.in(folder));
      trainer.run();
      Sums all = sum(rows.stream().map(r -> Sums.of(start, r.sequence(), r.weight())).toList());
      JsonNode metrics = Runs.metrics(folder).getFirst();
      assertEquals(all.entropy / all.tokens, metrics.path("entropy").asDouble(), 1e-6);
      assertEquals(all.right / all.tokens, metrics.path("mean_token_accuracy").asDouble(), 1e-9);
      assertTrue(all.right > 0 && all.right < all.tokens, "some are right and some are not");
      assertFalse(metrics.has("logits/chosen"), metrics::toString);
    }
  }

  /** A model that cannot tell reports none of them, rather than zeros. */
  @Test
  void absentWhereTheModelCannotTell() throws IOException {
    try (TinyModel tiny = Runs.model(true)) {
      TrainableModel silent = new TrainableModel() {
        @Override
        public float[] logProbs(PackedBatch batch, boolean reference) {
          return tiny.logProbs(batch, reference);
        }

        @Override
        public float[] backward(PackedBatch batch, float[] weights) {
          return tiny.backward(batch, weights);
        }

        @Override
        public List<Parameter> parameters() {
          return tiny.parameters();
        }

        @Override
        public void close() {}
      };
      new Trainer<>(new DpoObjective(silent, LossSettings.defaults()), Runs.pairs(4),
          Runs.settings().withMaxSteps(1), RunOptions.in(folder)).run();
    }
    JsonNode metrics = Runs.metrics(folder).getFirst();
    for (String name : List.of("entropy", "mean_token_accuracy", "logits/chosen", "logits/rejected")) {
      assertFalse(metrics.has(name), name);
    }
    assertTrue(metrics.has("logps/chosen"));
  }
}
