package dev.sphere.trainer.objective;

import dev.sphere.bindings.tensor.NativeFloats;
import dev.sphere.engine.settings.SettingsTree;
import dev.sphere.trainer.Distributions;
import dev.sphere.trainer.TrainableModel;
import dev.sphere.trainer.checkpoint.Identity;
import dev.sphere.trainer.checkpoint.MetricSums;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.MicroBatch;
import dev.sphere.trainer.data.TreePacker;
import dev.sphere.trainer.loop.NonFiniteLossException;
import dev.sphere.trainer.loop.Objective;
import dev.sphere.trainer.loop.RunOptions;
import dev.sphere.trainer.loop.TrainSettings;
import dev.sphere.trainer.loop.Trainer;
import dev.sphere.trainer.loss.LossSettings;
import dev.sphere.trainer.loss.LossValue;
import dev.sphere.trainer.loss.PairBatch;
import dev.sphere.trainer.loss.PreferenceLoss;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/**
 * Direct preference optimisation and its family. Losses that depend on all pairs of a step at once (aot) take a
 * forward pass over all micro-batches first.
 *
 * <p>The reference is the policy before training: the model with the adapter switched off (LoRA), or
 * log-probabilities that are computed once from the starting weights and cached (full fine-tuning, and LoRA with
 * several epochs).
 */
public final class DpoObjective implements Objective<Example.Preference> {
  private static final int CHOSEN = 0;
  private static final int REJECTED = 1;

  private final TrainableModel model;
  private final PreferenceLoss loss;
  private ReferenceLogProbs reference;

  public DpoObjective(TrainableModel model, LossSettings loss) {
    this.model = model;
    this.loss = new PreferenceLoss(loss);
  }

  @Override
  public String method() {
    return "dpo";
  }

  @Override
  public TrainableModel model() {
    return model;
  }

  @Override
  public Map<String, Object> settings(List<Example.Preference> examples) {
    return SettingsTree.resultValues(loss.settings());
  }

  @Override
  public void begin(Trainer<Example.Preference> run) {
    reference = reference(run);
  }

  private ReferenceLogProbs reference(Trainer<Example.Preference> run) {
    List<Example.Preference> examples = run.examples();
    TrainSettings settings = run.settings();
    RunOptions options = run.options();
    LossSettings given = loss.settings();
    if (!given.needsReference()) {
      return null;
    }
    if (given.sync() != null) {
      return new MovingReference(model, given.sync());
    }
    boolean adapter = hasAdapter(run);
    int epochs = (settings.totalSteps(examples.size()) - 1) / settings.stepsPerEpoch(examples.size()) + 1;
    if (adapter && epochs == 1) {
      return (batch, step) -> model.logProbs(batch.batch(), true);
    }
    ReferenceCache trained = ReferenceCache.obtain(model, examples, settings, run.identity(), options, adapter);
    if (adapter || options.evaluation() == null) {
      return trained.or((batch, step) -> model.logProbs(batch.batch(), true));
    }
    Identity heldOut = new Identity(
        run.identity().modelHash(), Identity.dataHash(options.evaluation().examples()), run.identity().settings());
    return trained.or(
        ReferenceCache.obtain(model, options.evaluation().examples(), settings, heldOut, options, false));
  }

  /** Whether the model computes its reference's log-probabilities, tried on the shortest example. */
  private boolean hasAdapter(Trainer<Example.Preference> run) {
    Example shortest =
        run.examples().stream().min(Comparator.comparingInt(e -> e.chosen().length())).orElseThrow();
    MicroBatch probe = new TreePacker(run.settings().packing()).pack(List.of(shortest)).getFirst();
    try {
      model.logProbs(probe.batch(), true);
      return true;
    } catch (UnsupportedOperationException e) {
      return false;
    }
  }

  /** The sequence log-probabilities of a step's pairs, filled micro-batch by micro-batch. */
  private final class Step {
    final int number;
    final List<Example.Preference> examples;
    final double[] chosen;
    final double[] rejected;
    /** Log-probabilities of the chosen completions without LD-DPO; null where LD-DPO is off. */
    final double[] chosenWhole;
    final double[] refChosen;
    final double[] refRejected;
    final int[] chosenTokens;
    final int[] rejectedTokens;
    final long totalChosenTokens;
    /** WPO's factor on each pair's loss; null without WPO. */
    final double[] pairWeights;
    final TokenMetrics chosenMetrics = new TokenMetrics();
    final TokenMetrics rejectedMetrics = new TokenMetrics();

    Step(int number, List<Example.Preference> examples) {
      int n = examples.size();
      this.number = number;
      this.examples = examples;
      chosen = new double[n];
      rejected = new double[n];
      chosenWhole = loss.weighsTail() ? new double[n] : null;
      refChosen = new double[n];
      refRejected = new double[n];
      pairWeights = loss.settings().wpo() ? new double[n] : null;
      chosenTokens = examples.stream().mapToInt(e -> e.sequences().get(CHOSEN).completionLength()).toArray();
      rejectedTokens = examples.stream().mapToInt(e -> e.sequences().get(REJECTED).completionLength()).toArray();
      totalChosenTokens = Arrays.stream(chosenTokens).asLongStream().sum();
    }

    /** @param collisions log Σ p² of each prediction; null without WPO */
    void read(MicroBatch m, float[] logProbs, float[] referenceLogProbs, float[] collisions) {
      List<String> bad = new ArrayList<>();
      for (int i = 0; i < m.examples().length; i++) {
        int e = m.examples()[i];
        chosen[e] = loss.sequence(m.gather(logProbs, i, CHOSEN), rejectedTokens[e]);
        rejected[e] = loss.sequence(m.gather(logProbs, i, REJECTED), chosenTokens[e]);
        if (chosenWhole != null) {
          chosenWhole[e] = sum(m.gather(logProbs, i, CHOSEN));
        }
        if (referenceLogProbs != null) {
          refChosen[e] = loss.sequence(m.gather(referenceLogProbs, i, CHOSEN), rejectedTokens[e]);
          refRejected[e] = loss.sequence(m.gather(referenceLogProbs, i, REJECTED), chosenTokens[e]);
        }
        if (collisions != null) {
          pairWeights[e] = Math.exp(aligned(m, i, CHOSEN, logProbs, collisions)
              + aligned(m, i, REJECTED, logProbs, collisions));
        }
        if (!Double.isFinite(chosen[e] + rejected[e] + refChosen[e] + refRejected[e])) {
          bad.add(examples.get(e).id());
        }
      }
      NonFiniteLossException.throwIfAny(number + 1, "a log-probability is not finite", bad);
    }

    /** Adds the distributions of the model's last pass, which was over this micro-batch. */
    void addDistributions(MicroBatch m) {
      Distributions seen = model.distributions();
      for (int[][] pair : m.predictions()) {
        chosenMetrics.add(seen, pair[CHOSEN], 1);
        rejectedMetrics.add(seen, pair[REJECTED], 1);
      }
    }

    /** WPO, eq. 4: the mean over a completion's tokens of log p(token) - log Σ p². */
    private double aligned(MicroBatch m, int example, int sequence, float[] logProbs, float[] collisions) {
      int[] index = m.predictions()[example][sequence];
      double sum = 0;
      for (int i : index) {
        sum += (double) logProbs[i] - collisions[i];
      }
      return sum / index.length;
    }

    /** The loss of all pairs. */
    LossValue evaluate() {
      return loss.evaluate(new PairBatch(chosen, rejected, refChosen, refRejected, chosenTokens, rejectedTokens,
          chosen.length, totalChosenTokens, chosenWhole, pairWeights));
    }

    /** The loss of the pairs of these examples. */
    LossValue evaluate(int[] of) {
      return loss.evaluate(new PairBatch(
          pick(chosen, of), pick(rejected, of), pick(refChosen, of), pick(refRejected, of), pick(chosenTokens, of),
          pick(rejectedTokens, of), chosen.length, totalChosenTokens, pick(chosenWhole, of), pick(pairWeights, of)));
    }

    /**
     * d loss / d log-probability of each prediction; {@code value} has one entry for each example of the micro-batch.
     */
    float[] weights(MicroBatch m, LossValue value) {
      double[] weights = new double[m.batch().predictions()];
      for (int i = 0; i < m.examples().length; i++) {
        int e = m.examples()[i];
        addWeights(weights, m.predictions()[i][CHOSEN], value.dChosen()[i], rejectedTokens[e]);
        addWeights(weights, m.predictions()[i][REJECTED], value.dRejected()[i], chosenTokens[e]);
        for (int prediction : m.predictions()[i][CHOSEN]) {
          weights[prediction] += value.dChosenWhole()[i];
        }
      }
      return MicroBatch.floats(weights);
    }

    private void addWeights(double[] weights, int[] predictions, double derivative, int otherLength) {
      for (int t = 0; t < predictions.length; t++) {
        weights[predictions[t]] += derivative * loss.tokenFactor(t, otherLength);
      }
    }
  }

  @Override
  public void accumulate(
      int step, List<Example.Preference> examples, List<MicroBatch> batches, MetricSums metrics) {
    Step s = new Step(step, examples);
    double total = loss.settings().needsWholeBatch() ? twoPasses(s, batches) : onePass(s, batches);
    if (!Double.isFinite(total)) {
      throw new NonFiniteLossException(
          step + 1, "the loss is not finite", examples.stream().map(Example::id).toList());
    }
    metrics.add("loss", total);
    report(s, metrics);
  }

  @Override
  public void measure(
      int step, List<Example.Preference> examples, List<MicroBatch> batches, MetricSums metrics) {
    Step s = new Step(step, examples);
    forward(s, batches);
    metrics.add("loss", s.evaluate().loss());
    report(s, metrics);
  }

  @Override
  public void stepped(int step) {
    if (reference != null) {
      reference.stepped(step);
    }
  }

  @Override
  public Map<String, NativeFloats> state() {
    return reference == null ? Map.of() : reference.state();
  }

  @Override
  public void close() {
    if (reference != null) {
      reference.close();
    }
  }

  private float[] referenceOf(MicroBatch m, Step s) {
    return reference == null ? null : reference.of(m, s.examples);
  }

  private float[] collisions(MicroBatch m) {
    return loss.settings().wpo() ? model.logCollisions(m.batch()) : null;
  }

  private double onePass(Step s, List<MicroBatch> batches) {
    double total = 0;
    for (MicroBatch m : batches) {
      float[] ref = referenceOf(m, s);
      float[] collisions = collisions(m);
      LossValue[] value = new LossValue[1];
      model.backward(m.batch(), logProbs -> {
        s.read(m, logProbs, ref, collisions);
        value[0] = s.evaluate(m.examples());
        return s.weights(m, value[0]);
      });
      s.addDistributions(m);
      total += value[0].loss();
    }
    return total;
  }

  private double twoPasses(Step s, List<MicroBatch> batches) {
    forward(s, batches);
    LossValue all = s.evaluate();
    for (MicroBatch m : batches) {
      LossValue part = new LossValue(0, pick(all.dChosen(), m.examples()), pick(all.dRejected(), m.examples()),
          pick(all.dChosenWhole(), m.examples()));
      model.backward(m.batch(), s.weights(m, part));
    }
    return all.loss();
  }

  private void forward(Step s, List<MicroBatch> batches) {
    for (MicroBatch m : batches) {
      float[] logProbs = model.logProbs(m.batch(), false);
      s.addDistributions(m);
      s.read(m, logProbs, referenceOf(m, s), collisions(m));
    }
  }

  /** TRL's metrics; rewards are β (log π - log π_ref). */
  private void report(Step s, MetricSums metrics) {
    int n = s.chosen.length;
    double beta = loss.settings().beta();
    double chosenReward = 0;
    double rejectedReward = 0;
    double right = 0;
    for (int i = 0; i < n; i++) {
      double w = beta * (s.chosen[i] - s.refChosen[i]);
      double l = beta * (s.rejected[i] - s.refRejected[i]);
      chosenReward += w / n;
      rejectedReward += l / n;
      right += w > l ? 1.0 / n : 0;
    }
    if (reference != null) {
      metrics.add("rewards/chosen", chosenReward);
      metrics.add("rewards/rejected", rejectedReward);
      metrics.add("rewards/accuracies", right);
      metrics.add("rewards/margins", chosenReward - rejectedReward);
    }
    if (s.pairWeights != null) {
      metrics.add("wpo_weight", Arrays.stream(s.pairWeights).sum() / n);
    }
    metrics.add("logps/chosen", Arrays.stream(s.chosen).sum() / n);
    metrics.add("logps/rejected", Arrays.stream(s.rejected).sum() / n);
    TokenMetrics.report(s.chosenMetrics, s.rejectedMetrics, metrics);
  }

  private static double sum(float[] values) {
    double sum = 0;
    for (float v : values) {
      sum += v;
    }
    return sum;
  }

  private static double[] pick(double[] values, int[] of) {
    return values == null ? null : Arrays.stream(of).mapToDouble(i -> values[i]).toArray();
  }

  private static int[] pick(int[] values, int[] of) {
    return Arrays.stream(of).map(i -> values[i]).toArray();
  }
}
