package dev.sphere.trainer.objective;

import dev.sphere.bindings.tensor.NativeFloats;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.MicroBatch;
import java.util.List;
import java.util.Map;

/** Where the reference's log-probabilities come from. */
interface ReferenceLogProbs extends AutoCloseable {
  /** One value per prediction of the micro-batch, whose examples are indices into {@code examples}. */
  float[] of(MicroBatch batch, List<? extends Example> examples);

  /** An optimizer step was made; steps are counted from 1. */
  default void stepped(int step) {}

  /** What a checkpoint must hold besides the policy, by name. */
  default Map<String, NativeFloats> state() {
    return Map.of();
  }

  @Override
  default void close() {}
}
