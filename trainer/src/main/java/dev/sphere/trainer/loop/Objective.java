package dev.sphere.trainer.loop;

import dev.sphere.bindings.tensor.NativeFloats;
import dev.sphere.trainer.TrainableModel;
import dev.sphere.trainer.checkpoint.MetricSums;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.MicroBatch;
import java.util.List;
import java.util.Map;

/**
 * What is minimised: turns a step's micro-batches into gradients and metrics.
 *
 * @param <E> the kind of examples
 */
public interface Objective<E extends Example> extends AutoCloseable {
  /** Its name in artefacts and in a run's identity. */
  String method();

  /** The model that is trained. */
  TrainableModel model();

  /** What shapes the result besides the model's and the loop's settings, by name: part of the run's identity. */
  default Map<String, Object> settings(List<E> examples) {
    return Map.of();
  }

  /** The run's folder is held, and nothing is restored into the model yet. */
  default void begin(Trainer<E> run) {}

  /**
   * Adds the gradient of the step's loss to the model's gradients.
   *
   * @param step index of the step, from 0
   * @param examples all examples of the step; micro-batches refer to them by index
   * @param batches the same examples, packed
   * @param metrics takes the step's metrics ("loss" at least)
   * @throws NonFiniteLossException when a log-probability or the loss is not finite
   */
  void accumulate(int step, List<E> examples, List<MicroBatch> batches, MetricSums metrics);

  /**
   * Reads the same metrics without a gradient, for examples that are not trained on.
   *
   * @param metrics takes the metrics as they are called in training
   */
  void measure(int step, List<E> examples, List<MicroBatch> batches, MetricSums metrics);

  /** An optimizer step was made; steps are counted from 1. */
  default void stepped(int step) {}

  /** What a checkpoint must hold besides parameters and optimizer, by name. */
  default Map<String, NativeFloats> state() {
    return Map.of();
  }

  @Override
  default void close() {}
}
