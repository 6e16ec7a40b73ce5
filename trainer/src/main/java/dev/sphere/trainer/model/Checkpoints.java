package dev.sphere.trainer.model;

import dev.sphere.bindings.Backend;
import dev.sphere.bindings.Tensor;
import dev.sphere.bindings.TensorBuffer;
import dev.sphere.bindings.TensorType;
import java.util.ArrayList;
import java.util.List;

/** What is kept of a chunk between graphs: the input of each segment but the first, and the gradient on its way back. */
final class Checkpoints implements AutoCloseable {
  private final TensorBuffer buffer;
  private final List<Tensor> inputs = new ArrayList<>();
  private final Tensor gradient;
  private final int columns;

  Checkpoints(Backend backend, int segments, int width, int columns) {
    this.columns = columns;
    buffer = new TensorBuffer(backend, segments);
    gradient = buffer.add(TensorType.F32, "gradient", width, columns);
    for (int s = 1; s < segments; s++) {
      inputs.add(buffer.add(TensorType.F32, "input of segment " + s, width, columns));
    }
    buffer.allocate();
  }

  /** Whether a chunk of this many segments and slots fits exactly. */
  boolean fits(int segments, int slots) {
    return inputs.size() == segments - 1 && columns == slots;
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
