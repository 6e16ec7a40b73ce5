package dev.sphere.trainer.objective;

import dev.sphere.bindings.tensor.NativeFloats;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.MicroBatch;
import java.util.List;
import java.util.Map;

/** A source of the reference's log-probabilities. */
interface ReferenceLogProbs extends AutoCloseable {
  /** One value for each prediction of the micro-batch, whose examples are indices into {@code examples}. */
  float[] of(MicroBatch batch, List<? extends Example> examples);

  /** Called after each optimizer step; steps are counted from 1. */
  default void stepped(int step) {}

  /** Arrays that a checkpoint must hold besides the policy's, by name. */
  default Map<String, NativeFloats> state() {
    return Map.of();
  }

  @Override
  default void close() {}
}
