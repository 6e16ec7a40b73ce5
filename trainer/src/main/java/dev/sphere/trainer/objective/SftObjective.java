package dev.sphere.trainer.objective;

import dev.sphere.trainer.TrainableModel;
import dev.sphere.trainer.checkpoint.Identity;
import dev.sphere.trainer.checkpoint.MetricSums;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.MicroBatch;
import dev.sphere.trainer.data.TrainingSequence;
import dev.sphere.trainer.loop.NonFiniteLossException;
import dev.sphere.trainer.loop.Objective;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * Supervised fine-tuning: the negative log-likelihood of the completions, a mean over the step's completion tokens,
 * weighted by example: Σ w_i NLL_i / Σ w_i n_i.
 */
public final class SftObjective implements Objective<Example.Imitation> {
  private final TrainableModel model;

  public SftObjective(TrainableModel model) {
    this.model = model;
  }

  @Override
  public String method() {
    return "sft";
  }

  @Override
  public TrainableModel model() {
    return model;
  }

  /** A hash of the weights, unless all are 1. */
  @Override
  public Map<String, Object> settings(List<Example.Imitation> examples) {
    boolean alike = examples.stream().allMatch(e -> e.weight() == 1);
    return alike ? Map.of() : Map.of("weights", Identity.hash(examples, Example.Imitation::weight));
  }

  @Override
  public void accumulate(
      int step, List<Example.Imitation> examples, List<MicroBatch> batches, MetricSums metrics) {
    double tokens = weightedTokens(examples);
    passes(step, examples, batches, tokens, metrics, m -> model.backward(m.batch(), weights(m, examples, tokens)));
  }

  @Override
  public void measure(
      int step, List<Example.Imitation> examples, List<MicroBatch> batches, MetricSums metrics) {
    passes(step, examples, batches, weightedTokens(examples), metrics, m -> model.logProbs(m.batch(), false));
  }

  /** @param pass the log-probabilities of a micro-batch */
  private void passes(int step, List<Example.Imitation> examples, List<MicroBatch> batches, double tokens,
      MetricSums metrics, Function<MicroBatch, float[]> pass) {
    double loss = 0;
    TokenMetrics tokenMetrics = new TokenMetrics();
    for (MicroBatch m : batches) {
      loss += loss(step, examples, m, pass.apply(m), tokens);
      for (int i = 0; i < m.examples().length; i++) {
        for (int[] predictions : m.predictions()[i]) {
          tokenMetrics.add(model.distributions(), predictions, examples.get(m.examples()[i]).weight());
        }
      }
    }
    metrics.add("loss", loss);
    TokenMetrics.report(tokenMetrics, metrics);
  }

  private static double loss(
      int step, List<Example.Imitation> examples, MicroBatch m, float[] logProbs, double tokens) {
    double loss = 0;
    List<String> bad = new ArrayList<>();
    for (int i = 0; i < m.examples().length; i++) {
      Example e = examples.get(m.examples()[i]);
      double sum = 0;
      for (int s = 0; s < m.predictions()[i].length; s++) {
        for (float l : m.gather(logProbs, i, s)) {
          sum += l;
        }
      }
      if (!Double.isFinite(sum)) {
        bad.add(e.id());
      }
      loss -= e.weight() * sum / tokens;
    }
    NonFiniteLossException.throwIfAny(step + 1, "the loss is not finite", bad);
    return loss;
  }

  /** Σ w_i n_i; 1 where all weights are 0. */
  private static double weightedTokens(List<Example.Imitation> examples) {
    double tokens = 0;
    for (Example e : examples) {
      for (TrainingSequence s : e.sequences()) {
        tokens += e.weight() * s.completionLength();
      }
    }
    return tokens == 0 ? 1 : tokens;
  }

  private static float[] weights(MicroBatch m, List<Example.Imitation> examples, double tokens) {
    double[] uses = new double[m.batch().predictions()];
    for (int i = 0; i < m.examples().length; i++) {
      for (int[] sequence : m.predictions()[i]) {
        for (int index : sequence) {
          uses[index] += examples.get(m.examples()[i]).weight();
        }
      }
    }
    return MicroBatch.floats(Arrays.stream(uses).map(u -> -u / tokens).toArray());
  }
}
