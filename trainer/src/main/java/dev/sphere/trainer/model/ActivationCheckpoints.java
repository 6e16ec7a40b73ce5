package dev.sphere.trainer.model;

import dev.sphere.bindings.tensor.Backend;
import dev.sphere.bindings.tensor.Tensor;
import dev.sphere.bindings.tensor.TensorBuffer;
import dev.sphere.bindings.tensor.TensorType;
import java.util.ArrayList;
import java.util.List;

/**
 * The tensors of a chunk that outlive a graph: the input of each segment but the first, the gradient of the segment
 * that comes next in the backward pass, and for a frozen {@link VocabularyHead} the gradient of each log-probability
 * by the head's input.
 */
final class ActivationCheckpoints implements AutoCloseable {
  private final TensorBuffer buffer;
  private final List<Tensor> inputs = new ArrayList<>();
  private final Tensor gradient;
  private final Tensor headGradients;
  private final int columns;
  private final int predictions;

  /**
   * @param columns slots of the chunk
   * @param predictions predictions of a frozen head; 0 for other heads
   */
  ActivationCheckpoints(Backend backend, int segments, int width, int columns, int predictions) {
    this.columns = columns;
    this.predictions = predictions;
    buffer = new TensorBuffer(backend, segments + 1);
    headGradients = predictions == 0 ? null : buffer.add(TensorType.F32, "gradients of the head", width, predictions);
    gradient = buffer.add(TensorType.F32, "gradient", width, columns);
    for (int s = 1; s < segments; s++) {
      inputs.add(buffer.add(TensorType.F32, "input of segment " + s, width, columns));
    }
    buffer.allocate();
  }

  boolean fits(int segments, int slots, int kept) {
    return inputs.size() == segments - 1 && columns == slots && predictions == kept;
  }

  /** The gradient [width, predictions] of each log-probability by the head's input. */
  Tensor headGradients() {
    return headGradients;
  }

  /** The input of segment s, at least 1. */
  Tensor input(int s) {
    return inputs.get(s - 1);
  }

  /** The gradient by the output of the next segment of the backward pass. */
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
