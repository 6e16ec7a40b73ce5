package dev.sphere.trainer.loop;

import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.MicroBatch;
import java.util.List;

/** Where the reference's log-probabilities come from. */
interface ReferenceLogProbs {
  /** One value per prediction of the micro-batch, whose examples are indices into {@code examples}. */
  float[] of(MicroBatch batch, List<? extends Example> examples);
}
