package dev.sphere.trainer.loop;

import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.MicroBatch;
import java.util.List;

/** What is minimised: turns a step's micro-batches into gradients and metrics. */
interface Objective {
  /**
   * Adds the gradient of the step's loss to the model's gradients.
   *
   * @param step index of the step, from 0
   * @param examples all examples of the step; micro-batches refer to them by index
   * @param batches the same examples, packed
   * @param metrics takes the step's metrics ("loss" at least)
   * @throws NonFiniteLossException when a log-probability or the loss is not finite
   */
  void accumulate(int step, List<? extends Example> examples, List<MicroBatch> batches, MetricSums metrics);
}
