package dev.sphere.trainer.autodiff;

import dev.sphere.bindings.tensor.Graph;
import dev.sphere.bindings.tensor.Rope;
import dev.sphere.bindings.tensor.Tensor;
import dev.sphere.bindings.tensor.TensorType;
import dev.sphere.bindings.tensor.TrainingKernels;
import java.util.ArrayList;
import java.util.List;

/**
 * Sizes of an attention and the graph inputs that say where tokens stand and whom they see. Slot s of group g is column
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
   * @param factors rope frequency factors, or null
   * @param positions rope position of every slot
   * @param parents each slot's parent within its group: before it, or negative for none (PackedBatch's codes)
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

  /** I32 [slots · groups]: the parents, for kernels that walk the tree themselves. */
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

  /** Adds the write of an input to {@link #write}. */
  void whenWritten(Runnable write) {
    writes.add(write);
  }

  /** Rotary angles of every slot, computed once for all layers of the graph. */
  Tensor ropeTable(TrainingKernels kernels) {
    if (ropeTable == null) {
      ropeTable = kernels.ropeTable(positions(), factors, rope);
    }
    return ropeTable;
  }

  /** Writes all inputs that the operations have asked for; between the graph's allocate and compute. */
  public void write() {
    writes.forEach(Runnable::run);
  }
}
