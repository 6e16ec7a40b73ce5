package dev.sphere.trainer.autodiff;

import dev.sphere.bindings.tensor.Graph;
import dev.sphere.bindings.tensor.Rope;
import dev.sphere.bindings.tensor.Tensor;
import dev.sphere.bindings.tensor.TensorType;
import dev.sphere.bindings.tensor.TrainingKernels;

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
  private final int[] parentValues;
  private Tensor positions;
  private Tensor mask;
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
      positions = graph.input(TensorType.I32, positionValues.length);
    }
    return positions;
  }

  /** F32 [slots (seen), slots (seeing), 1, groups]: 0 where a slot sees another, else minus infinity. */
  Tensor mask() {
    if (mask == null) {
      mask = graph.input(TensorType.F32, slots, slots, 1, groups);
    }
    return mask;
  }

  /** I32 [slots · groups]: the parents, for kernels that walk the tree themselves. */
  Tensor parents() {
    if (parents == null) {
      parents = graph.input(TensorType.I32, parentValues.length);
    }
    return parents;
  }

  /** Rotary angles of every slot, computed once for all layers of the graph. */
  Tensor ropeTable(TrainingKernels kernels) {
    if (ropeTable == null) {
      ropeTable = kernels.ropeTable(positions(), factors, rope);
    }
    return ropeTable;
  }

  /** Writes whatever inputs the operations have asked for; between the graph's allocate and compute. */
  public void write() {
    if (positions != null) {
      positions.write(positionValues);
    }
    if (parents != null) {
      parents.write(parentValues);
    }
    if (mask != null) {
      mask.write(maskValues(slots, parentValues));
    }
  }

  static float[] maskValues(int slots, int[] parents) {
    float[] mask = new float[Math.multiplyExact(parents.length, slots)];
    java.util.Arrays.fill(mask, Float.NEGATIVE_INFINITY);
    for (int i = 0; i < parents.length; i++) {
      int group = i - i % slots;
      for (int a = i % slots; a >= 0; a = parents[group + a]) {
        mask[i * slots + a] = 0;
      }
    }
    return mask;
  }
}
