package dev.sphere.trainer.loop;

import dev.sphere.trainer.TrainableModel;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.MicroBatch;
import java.util.ArrayList;
import java.util.List;

/** Negative log-likelihood of the completions, a mean over all completion tokens of the step. */
final class SftObjective implements Objective {
  private final TrainableModel model;

  SftObjective(TrainableModel model) {
    this.model = model;
  }

  @Override
  public void accumulate(
      int step, List<? extends Example> examples, List<MicroBatch> batches, MetricSums metrics) {
    long tokens = completionTokens(examples);
    double loss = 0;
    for (MicroBatch m : batches) {
      float[] logProbs = model.backward(m.batch(), weights(m, tokens));
      List<String> bad = new ArrayList<>();
      for (int i = 0; i < m.examples().length; i++) {
        double sum = 0;
        for (int s = 0; s < m.predictions()[i].length; s++) {
          for (float l : m.gather(logProbs, i, s)) {
            sum += l;
          }
        }
        if (!Double.isFinite(sum)) {
          bad.add(examples.get(m.examples()[i]).id());
        }
        loss -= sum / tokens;
      }
      if (!bad.isEmpty()) {
        throw new NonFiniteLossException(step + 1, "the loss is not finite", bad, TrainingLoop.NON_FINITE_ADVICE);
      }
    }
    metrics.add("loss", loss);
  }

  private static long completionTokens(List<? extends Example> examples) {
    return examples.stream().flatMap(e -> e.sequences().stream()).mapToLong(s -> s.completionLength()).sum();
  }

  private static float[] weights(MicroBatch m, long tokens) {
    int[] uses = new int[m.batch().predictions()];
    for (int[][] example : m.predictions()) {
      for (int[] sequence : example) {
        for (int index : sequence) {
          uses[index]++;
        }
      }
    }
    float[] weights = new float[uses.length];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = (float) (-(double) uses[i] / tokens);
    }
    return weights;
  }
}
