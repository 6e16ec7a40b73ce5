package dev.sphere.trainer.model;

import dev.sphere.bindings.tensor.Backend;
import dev.sphere.bindings.tensor.Tensor;
import dev.sphere.bindings.tensor.TensorBuffer;
import dev.sphere.bindings.tensor.TensorType;
import java.util.ArrayList;
import java.util.List;

/**
 * What is kept of a chunk between graphs: the input of each segment but the first, the gradient on its way back, and
 * (see {@link VocabularyHead}) what each prediction's log-probability gives back to the head's input.
 */
final class ActivationCheckpoints implements AutoCloseable {
  private final TensorBuffer buffer;
  private final List<Tensor> inputs = new ArrayList<>();
  private final Tensor gradient;
  private final Tensor unit;
  private final int columns;
  private final int predictions;

  /**
   * @param columns slots of the chunk
   * @param predictions of which the gradients of the head's input are kept; 0: none are
   */
  ActivationCheckpoints(Backend backend, int segments, int width, int columns, int predictions) {
    this.columns = columns;
    this.predictions = predictions;
    buffer = new TensorBuffer(backend, segments + 1);
    unit = predictions == 0 ? null : buffer.add(TensorType.F32, "gradients of the head", width, predictions);
    gradient = buffer.add(TensorType.F32, "gradient", width, columns);
    for (int s = 1; s < segments; s++) {
      inputs.add(buffer.add(TensorType.F32, "input of segment " + s, width, columns));
    }
    buffer.allocate();
  }

  /** Whether a chunk of this many segments, slots and kept predictions fits exactly. */
  boolean fits(int segments, int slots, int kept) {
    return inputs.size() == segments - 1 && columns == slots && predictions == kept;
  }

  /** [width, predictions]: the gradient of each prediction's log-probability by the head's input. */
  Tensor unit() {
    return unit;
  }

  /** The input of segment s, at least 1. */
  Tensor input(int s) {
    return inputs.get(s - 1);
  }

  /** The gradient of the output of the segment that is walked back next. */
  Tensor gradient() {
    return gradient;
  }

  long bytes() {
    return buffer.bytes();
  }

  @Override
  public void close() {
    buffer.close();
  }
}
