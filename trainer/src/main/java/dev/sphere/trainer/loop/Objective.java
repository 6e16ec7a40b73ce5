package dev.sphere.trainer.loop;

import dev.sphere.bindings.tensor.NativeFloats;
import dev.sphere.trainer.TrainableModel;
import dev.sphere.trainer.checkpoint.MetricSums;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.MicroBatch;
import java.util.List;
import java.util.Map;

/**
 * A function that training minimises: turns a step's micro-batches into gradients and metrics.
 *
 * @param <E> the kind of examples
 */
public interface Objective<E extends Example> extends AutoCloseable {
  /** The objective's name in artefacts and in a run's identity. */
  String method();

  TrainableModel model();

  /** Settings, besides the model's and the loop's, that change the result: part of the run's identity. */
  default Map<String, Object> settings(List<E> examples) {
    return Map.of();
  }

  /** Called once the run's folder is locked, before a checkpoint is restored into the model. */
  default void begin(Trainer<E> run) {}

  /**
   * Adds the gradient of the step's loss to the model's gradients.
   *
   * @param step index of the step, from 0
   * @param examples all examples of the step; micro-batches refer to them by index
   * @param batches the examples, packed
   * @param metrics takes the step's metrics, "loss" among them
   * @throws NonFiniteLossException when a log-probability or the loss is not finite
   */
  void accumulate(int step, List<E> examples, List<MicroBatch> batches, MetricSums metrics);

  /** Takes the metrics of {@link #accumulate} without a gradient, for examples that are not trained on. */
  void measure(int step, List<E> examples, List<MicroBatch> batches, MetricSums metrics);

  /** Called after each optimizer step; steps are counted from 1. */
  default void stepped(int step) {}

  /** Arrays that a checkpoint must hold besides parameters and optimizer, by name. */
  default Map<String, NativeFloats> state() {
    return Map.of();
  }

  @Override
  default void close() {}
}
