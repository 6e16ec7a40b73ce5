package dev.sphere.trainer.loop;

import dev.sphere.trainer.TrainableModel;
import dev.sphere.trainer.data.Example;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Trains a process reward model on steps with labels. The model is trained in place; saving it is the caller's next step.
 */
public final class StepTrainer {
  private final TrainableModel model;
  private final List<Example.Step> examples;
  private final TrainSettings settings;
  private final RunOptions options;
  private final Identity identity;

  public StepTrainer(
      TrainableModel model, List<Example.Step> examples, TrainSettings settings, RunOptions options) {
    this.model = model;
    this.examples = List.copyOf(examples);
    this.settings = settings;
    this.options = options;
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("method", "prm");
    all.putAll(options.modelSettings());
    all.putAll(settings.toMap());
    all.put("labels", Identity.hash(
        this.examples.stream().map(e -> Double.toString(e.label())).collect(Collectors.joining(","))));
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
    return new TrainingLoop(model, examples, settings, identity, options).run(() -> new StepObjective(model));
  }
}
