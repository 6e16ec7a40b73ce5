package dev.sphere.trainer.objective;

import dev.sphere.trainer.TrainableModel;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.loop.Objective;
import dev.sphere.trainer.loop.RunOptions;
import dev.sphere.trainer.loop.TrainSettings;
import dev.sphere.trainer.loop.Trainer;
import java.util.List;
import java.util.Map;

/** Trains a process reward model on steps with labels, by label tokens or by a reward head, as the model has it. */
public final class StepTrainer extends Trainer<Example.Step> {
  public StepTrainer(
      TrainableModel model, List<Example.Step> examples, TrainSettings settings, RunOptions options) {
    super("prm", model, examples, settings, options, Map.of("labels", hash(examples, Example.Step::label)));
  }

  @Override
  protected Objective objective() {
    return new StepObjective(model);
  }
}
