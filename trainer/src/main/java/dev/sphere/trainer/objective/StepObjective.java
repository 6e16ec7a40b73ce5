package dev.sphere.trainer.objective;

import dev.sphere.trainer.TrainableModel;
import dev.sphere.trainer.checkpoint.Identity;
import dev.sphere.trainer.checkpoint.MetricSums;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.MicroBatch;
import dev.sphere.trainer.loop.NonFiniteLossException;
import dev.sphere.trainer.loop.Objective;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The objective of a process reward model: the cross-entropy of a step's label y, {@code -y log σ(z) - (1 - y) log
 * σ(-z)}, a mean over the steps (Math-Shepherd, arXiv 2312.08935, eq. 2). z is the difference of the two label
 * tokens' log-probabilities, or the reward head's difference of logits. y may be soft.
 */
public final class StepObjective implements Objective<Example.Step> {
  private static final int GOOD = 0;
  private static final int BAD = 1;

  private final TrainableModel model;

  public StepObjective(TrainableModel model) {
    this.model = model;
  }

  @Override
  public String method() {
    return "prm";
  }

  @Override
  public TrainableModel model() {
    return model;
  }

  /** A hash of the labels. */
  @Override
  public Map<String, Object> settings(List<Example.Step> examples) {
    return Map.of("labels", Identity.hash(examples, Example.Step::label));
  }

  private static final class Sums {
    double loss;
    double right;
    double predicted;
    double labelled;
  }

  @Override
  public void accumulate(
      int step, List<Example.Step> examples, List<MicroBatch> batches, MetricSums metrics) {
    Sums sums = new Sums();
    for (MicroBatch m : batches) {
      model.backward(m.batch(), logProbs -> weights(step, examples, m, logProbs, sums));
    }
    report(examples.size(), sums, metrics);
  }

  @Override
  public void measure(
      int step, List<Example.Step> examples, List<MicroBatch> batches, MetricSums metrics) {
    Sums sums = new Sums();
    for (MicroBatch m : batches) {
      weights(step, examples, m, model.logProbs(m.batch(), false), sums);
    }
    report(examples.size(), sums, metrics);
  }

  private static void report(int n, Sums sums, MetricSums metrics) {
    metrics.add("loss", sums.loss / n);
    metrics.add("accuracy", sums.right / n);
    metrics.add("mean_score", sums.predicted / n);
    metrics.add("mean_label", sums.labelled / n);
  }

  private static float[] weights(
      int step, List<Example.Step> examples, MicroBatch m, float[] logProbs, Sums sums) {
    double[] weights = new double[logProbs.length];
    List<String> bad = new ArrayList<>();
    for (int i = 0; i < m.examples().length; i++) {
      Example.Step e = examples.get(m.examples()[i]);
      int[][] labels = m.predictions()[i];
      double z = logProbs[labels[GOOD][0]] - (labels.length > BAD ? (double) logProbs[labels[BAD][0]] : 0);
      if (!Double.isFinite(z)) {
        bad.add(e.id());
        continue;
      }
      double tail = Math.log1p(Math.exp(-Math.abs(z)));
      double score = z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z));
      sums.loss += e.label() * (Math.max(-z, 0) + tail) + (1 - e.label()) * (Math.max(z, 0) + tail);
      sums.right += z > 0 == e.label() > 0.5 ? 1 : 0;
      sums.predicted += score;
      sums.labelled += e.label();
      double slope = (score - e.label()) / examples.size();
      weights[labels[GOOD][0]] += slope;
      if (labels.length > BAD) {
        weights[labels[BAD][0]] -= slope;
      }
    }
    NonFiniteLossException.throwIfAny(step + 1, "a log-probability is not finite", bad);
    return MicroBatch.floats(weights);
  }
}
