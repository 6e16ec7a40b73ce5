package dev.sphere.trainer.loop;

import dev.sphere.base.Sha256;
import dev.sphere.trainer.TrainableModel;
import dev.sphere.trainer.checkpoint.CheckpointMismatchException;
import dev.sphere.trainer.checkpoint.Identity;
import dev.sphere.trainer.data.Example;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/**
 * Trains a model on examples of one kind; subclasses say what is minimised. The model is trained in place; saving it is the
 * caller's next step.
 *
 * @param <E> the kind of examples
 */
public abstract class Trainer<E extends Example> {
  protected final TrainableModel model;
  protected final List<E> examples;
  protected final TrainSettings settings;
  protected final RunOptions options;
  private final Identity identity;

  /**
   * @param method its name in artefacts
   * @param more what shapes the result besides the model's and the loop's settings, by name
   */
  protected Trainer(
      String method,
      TrainableModel model,
      List<E> examples,
      TrainSettings settings,
      RunOptions options,
      Map<String, Object> more) {
    this.model = model;
    this.examples = List.copyOf(examples);
    this.settings = settings;
    this.options = options;
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("method", method);
    all.putAll(options.modelSettings());
    all.putAll(settings.toMap());
    all.putAll(more);
    this.identity = new Identity(options.modelHash(), Identity.dataHash(this.examples), all);
  }

  /** What the run is made of. */
  public final Identity identity() {
    return identity;
  }

  /**
   * Trains to the end, or until the stop is asked for.
   *
   * @throws NonFiniteLossException when a loss or gradient is not finite
   * @throws CheckpointMismatchException when the folder's checkpoints are another run's
   */
  public final TrainingResult run() {
    return new TrainingLoop(model, examples, settings, identity, options).run(this::objective);
  }

  /** What is minimised; made once the run's folder is held and before anything is restored into the model. */
  protected abstract Objective objective();

  /** The hash of one number of each example. */
  protected static <E extends Example> String hash(List<E> examples, ToDoubleFunction<E> number) {
    return Sha256.of(
        examples.stream().map(e -> Double.toString(number.applyAsDouble(e))).collect(Collectors.joining(",")));
  }
}
