package dev.sphere.trainer.model;

import dev.sphere.bindings.TensorType;
import java.util.Arrays;

/**
 * Native memory that training takes, in bytes, estimated before it is taken. The optimizer's states and the Java heap
 * come on top.
 *
 * @param weights the model's weights and the adapters
 * @param gradients one F32 for each trained number
 * @param activations graphs and checkpoints of a backward pass
 */
public record Footprint(long weights, long gradients, long activations) {
  /** All of it. */
  public long total() {
    return weights + gradients + activations;
  }

  /**
   * Estimates a backward pass over batches of {@code groups} full rows of {@code slots} slots, all of which predict.
   */
  static Footprint of(Architecture shape, WeightSource source, ModelOptions options, int groups, int slots) {
    long weights = 0;
    long trained = 0;
    for (String name : ModelTensors.of(shape, source)) {
      long[] sizes = source.shape(name);
      long elements = Arrays.stream(sizes).reduce(1, Math::multiplyExact);
      boolean full = !options.lora() && !ModelTensors.ropeFactors(name);
      weights += (full || sizes.length == 1 ? TensorType.F32 : source.type(name)).bytes(elements);
      if (full) {
        trained += elements;
      } else if (options.targets().contains(ModelTensors.layerPart(name))) {
        trained += options.rank() * (sizes[0] + sizes[1]) + (options.magnitudes() ? sizes[1] : 0);
      }
    }
    if (options.lora()) {
      weights += 4 * trained;
    }
    if (options.rewardHead()) {
      long head = shape.width() * (shape.width() + 3L) + 2;
      weights += 4 * head;
      trained += head;
    }
    int together = Math.clamp(options.microTokens() / slots, 1, groups);
    long tokens = (long) together * slots;
    int step = segmentLayers(shape, options, tokens, slots);
    long logits = 4L * shape.vocabulary() * Math.min(tokens, Pass.headRows(shape));
    logits = options.rewardHead() ? 4L * shape.width() * tokens : logits;
    logits += options.lora() ? 12L * shape.width() * tokens : 0; // the head's inputs and their gradients
    long checkpoints = step == shape.layers() ? 0 : 4L * shape.width() * tokens * Math.ceilDiv(shape.layers(), step);
    return new Footprint(
        weights, 4 * trained, step * layerBytes(shape, options, tokens, slots) + logits + checkpoints);
  }

  /** Layers in a segment: as many as the activations' memory allows, or as the options say. */
  static int segmentLayers(Architecture shape, ModelOptions options, long tokens, int slots) {
    if (options.segmentLayers() > 0) {
      return Math.min(options.segmentLayers(), shape.layers());
    }
    return Math.clamp(options.activationBytes() / layerBytes(shape, options, tokens, slots), 1, shape.layers());
  }

  /** Activations of a layer that its backward pass needs, about. */
  private static long layerBytes(Architecture shape, ModelOptions options, long tokens, int slots) {
    long heads = 2L * (shape.heads() + shape.kvHeads());
    long floats = 5L * shape.width() + 3L * shape.feedForward() + shape.headSize() * heads;
    if (options.magnitudes()) { // what each adapted product was before its rows got their lengths
      floats += shape.queryWidth() + 2L * shape.kvWidth() + 2L * shape.width() + 2L * shape.feedForward();
    }
    if (!options.fused()) {
      floats = 2 * floats + 3L * shape.heads() * slots;
    }
    return 4 * floats * tokens;
  }
}
