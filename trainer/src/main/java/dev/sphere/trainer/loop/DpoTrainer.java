package dev.sphere.trainer.loop;

import dev.sphere.trainer.TrainableModel;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.MicroBatch;
import dev.sphere.trainer.data.TreePacker;
import dev.sphere.trainer.loss.LossSettings;
import dev.sphere.trainer.loss.PreferenceLoss;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Direct preference optimisation and its family. The reference is the policy as it stands before training: the adapter
 * switched off (LoRA), or log-probabilities computed once from the starting weights and cached (full fine-tuning, and
 * LoRA when the data is seen more than once). The model is trained in place; saving it is the caller's next step.
 */
public final class DpoTrainer {
  private final TrainableModel model;
  private final List<Example.Preference> examples;
  private final LossSettings loss;
  private final TrainSettings settings;
  private final RunOptions options;
  private final Identity identity;

  public DpoTrainer(
      TrainableModel model,
      List<Example.Preference> examples,
      LossSettings loss,
      TrainSettings settings,
      RunOptions options) {
    this.model = model;
    this.examples = List.copyOf(examples);
    this.loss = loss;
    this.settings = settings;
    this.options = options;
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("method", "dpo");
    all.putAll(options.modelSettings());
    all.putAll(settings.toMap());
    all.putAll(loss.toMap());
    this.identity = new Identity(options.modelHash(), Identity.dataHash(this.examples), all);
  }

  /** What the run is made of. */
  public Identity identity() {
    return identity;
  }

  /**
   * Trains to the end, or until the stop is asked for.
   *
   * @throws NonFiniteLossException when a loss or gradient is not finite
   * @throws CheckpointMismatchException when the folder's checkpoints are another run's
   */
  public TrainingResult run() {
    return new TrainingLoop(model, examples, settings, identity, options)
        .run(() -> new DpoObjective(model, new PreferenceLoss(loss), reference()));
  }

  private ReferenceLogProbs reference() {
    if (!loss.needsReference()) {
      return null;
    }
    if (loss.sync() != null) {
      return new MovingReference(model, loss.sync());
    }
    boolean adapter = hasAdapter();
    int epochs = (settings.totalSteps(examples.size()) - 1) / settings.stepsPerEpoch(examples.size()) + 1;
    if (adapter && epochs == 1) {
      return (batch, step) -> model.logProbs(batch.batch(), true);
    }
    ReferenceCache trained = ReferenceCache.obtain(model, examples, settings, identity, options, adapter);
    if (adapter || options.evaluation() == null) {
      return trained.or((batch, step) -> model.logProbs(batch.batch(), true));
    }
    Identity heldOut = new Identity(
        identity.modelHash(), Identity.dataHash(options.evaluation().examples()), identity.settings());
    return trained.or(
        ReferenceCache.obtain(model, options.evaluation().examples(), settings, heldOut, options, false));
  }

  /** Whether the model knows its reference by itself; asked with the shortest example. */
  private boolean hasAdapter() {
    Example shortest = examples.stream()
        .min((a, b) -> Integer.compare(a.chosen().length(), b.chosen().length()))
        .orElseThrow();
    MicroBatch probe = new TreePacker(settings.packing()).pack(List.of(shortest)).getFirst();
    try {
      model.logProbs(probe.batch(), true);
      return true;
    } catch (UnsupportedOperationException e) {
      return false;
    }
  }
}
