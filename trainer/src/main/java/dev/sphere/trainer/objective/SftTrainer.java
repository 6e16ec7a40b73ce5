package dev.sphere.trainer.objective;

import dev.sphere.trainer.TrainableModel;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.loop.Objective;
import dev.sphere.trainer.loop.RunOptions;
import dev.sphere.trainer.loop.TrainSettings;
import dev.sphere.trainer.loop.Trainer;
import java.util.List;
import java.util.Map;

/** Supervised fine-tuning: the negative log-likelihood of completions, a mean over all completion tokens of a step. */
public final class SftTrainer extends Trainer<Example.Imitation> {
  public SftTrainer(
      TrainableModel model, List<Example.Imitation> examples, TrainSettings settings, RunOptions options) {
    super("sft", model, examples, settings, options, weights(examples));
  }

  private static Map<String, Object> weights(List<Example.Imitation> examples) {
    boolean alike = examples.stream().allMatch(e -> e.weight() == 1);
    return alike ? Map.of() : Map.of("weights", hash(examples, Example.Imitation::weight));
  }

  @Override
  protected Objective objective() {
    return new SftObjective(model);
  }
}
