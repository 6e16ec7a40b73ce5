package dev.sphere.trainer.objective;

import dev.sphere.trainer.TrainableModel;
import dev.sphere.trainer.checkpoint.Identity;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.MicroBatch;
import dev.sphere.trainer.data.TreePacker;
import dev.sphere.trainer.loop.Objective;
import dev.sphere.trainer.loop.RunOptions;
import dev.sphere.trainer.loop.TrainSettings;
import dev.sphere.trainer.loop.Trainer;
import dev.sphere.trainer.loss.LossSettings;
import dev.sphere.trainer.loss.PreferenceLoss;
import java.util.List;

/**
 * Direct preference optimisation and its family. The reference is the policy as it stands before training: the adapter
 * switched off (LoRA), or log-probabilities computed once from the starting weights and cached (full fine-tuning, and
 * LoRA when the data is seen more than once).
 */
public final class DpoTrainer extends Trainer<Example.Preference> {
  private final LossSettings loss;

  public DpoTrainer(
      TrainableModel model,
      List<Example.Preference> examples,
      LossSettings loss,
      TrainSettings settings,
      RunOptions options) {
    super("dpo", model, examples, settings, options, loss.toMap());
    this.loss = loss;
  }

  @Override
  protected Objective objective() {
    return new DpoObjective(model, new PreferenceLoss(loss), reference());
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
    ReferenceCache trained = ReferenceCache.obtain(model, examples, settings, identity(), options, adapter);
    if (adapter || options.evaluation() == null) {
      return trained.or((batch, step) -> model.logProbs(batch.batch(), true));
    }
    Identity heldOut = new Identity(
        identity().modelHash(), Identity.dataHash(options.evaluation().examples()), identity().settings());
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
