package dev.sphere.trainer.autodiff;

import dev.sphere.bindings.tensor.Graph;
import dev.sphere.bindings.tensor.Rope;
import dev.sphere.bindings.tensor.Tensor;
import dev.sphere.bindings.tensor.TensorType;
import dev.sphere.bindings.tensor.TrainingKernels;
import java.util.ArrayList;
import java.util.List;

/**
 * The sizes of an attention, and the graph inputs with each slot's position and parent. Slot s of group g is column
 * g · slots + s.
 */
public final class Geometry {
  final int headSize;
  final int heads;
  final int kvHeads;
  final int slots;
  final int groups;
  final Rope rope;
  final Tensor factors;
  private final Graph graph;
  private final int[] positionValues;
  final int[] parentValues;
  private final List<Runnable> writes = new ArrayList<>();
  private Tensor positions;
  private Tensor parents;
  private Tensor ropeTable;

  /**
   * @param factors RoPE frequency factors; null where the model has none
   * @param positions RoPE position of every slot
   * @param parents as {@link dev.sphere.trainer.PackedBatch#parents}
   */
  public Geometry(
      Graph graph, int headSize, int heads, int kvHeads, int slots, Rope rope, Tensor factors, int[] positions,
      int[] parents) {
    this.graph = graph;
    this.headSize = headSize;
    this.heads = heads;
    this.kvHeads = kvHeads;
    this.slots = slots;
    this.groups = positions.length / slots;
    this.rope = rope;
    this.factors = factors;
    this.positionValues = positions;
    this.parentValues = parents;
  }

  /** I32 [slots · groups]. */
  Tensor positions() {
    if (positions == null) {
      positions = input(positionValues);
    }
    return positions;
  }

  /** I32 [slots · groups]. */
  Tensor parents() {
    if (parents == null) {
      parents = input(parentValues);
    }
    return parents;
  }

  private Tensor input(int[] values) {
    Tensor tensor = graph.input(TensorType.I32, values.length);
    whenWritten(() -> tensor.write(values));
    return tensor;
  }

  void whenWritten(Runnable write) {
    writes.add(write);
  }

  /** Cosine and sine of every slot's rotary angles, computed once for all layers of the graph. */
  Tensor ropeTable(TrainingKernels kernels) {
    if (ropeTable == null) {
      ropeTable = kernels.ropeTable(positions(), factors, rope);
    }
    return ropeTable;
  }

  /** Writes the inputs that operations use; call it between the graph's allocate and compute. */
  public void write() {
    writes.forEach(Runnable::run);
  }
}
