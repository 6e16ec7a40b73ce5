package dev.sphere.trainer.model;

import dev.sphere.bindings.tensor.TensorType;
import java.util.Arrays;

/**
 * An estimate, in bytes, of the native memory that training takes, without the optimizer's states.
 *
 * @param weights the model's weights and the adapters
 * @param gradients one F32 for each trained number
 * @param activations graphs and checkpoints of a backward pass
 */
public record Footprint(long weights, long gradients, long activations) {
  /** With fewer slots the time to pack matrices for the kernels would be noticeable. */
  private static final int LEAST_TOKENS = 256;

  public long total() {
    return weights + gradients + activations;
  }

  /** Estimates a backward pass over batches of {@code groups} full groups of {@code slots} slots that all predict. */
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
    boolean half = half(source, options);
    int step = segmentLayers(shape, options, half, tokens);
    long kept = step * layerBytes(shape, options, half, tokens);
    kept += step == shape.layers() ? 0 : 4L * shape.width() * tokens * Math.ceilDiv(shape.layers(), step);
    kept += options.lora() ? 12L * shape.width() * tokens : 0; // the head's inputs and their gradients
    return new Footprint(weights, 4 * trained, kept + passingBytes(shape, options, tokens));
  }

  /**
   * Layers of a segment: as many as the activations' memory allows, or as the options set.
   *
   * @param half whether SwiGLU's inputs are kept in BF16
   */
  static int segmentLayers(Architecture shape, ModelOptions options, boolean half, long tokens) {
    if (options.segmentLayers() > 0) {
      return Math.min(options.segmentLayers(), shape.layers());
    }
    long left = options.activationBytes() - passingBytes(shape, options, tokens);
    return Math.clamp(left / layerBytes(shape, options, half, tokens), 1, shape.layers());
  }

  /** The most slots whose activations in all layers fit into the memory; at least {@value #LEAST_TOKENS}. */
  static int wholeTokens(Architecture shape, WeightSource source, ModelOptions options) {
    long each = shape.layers() * layerBytes(shape, options, half(source, options), 1);
    long most = (options.activationBytes() - options.activationBytes() / 4) / each;
    while (most > LEAST_TOKENS && passingBytes(shape, options, most) + most * each > options.activationBytes()) {
      most -= most / 16;
    }
    return Math.clamp(most, LEAST_TOKENS, 1 << 20);
  }

  private static boolean half(WeightSource source, ModelOptions options) {
    return options.products().half(options.lora() ? source.type(ModelTensors.weight(0, "ffn_up")) : TensorType.F32);
  }

  /**
   * Bytes that a layer keeps for its backward pass: two sums, queries, keys, values, attention's output, gate and up.
   */
  private static long layerBytes(Architecture shape, ModelOptions options, boolean half, long tokens) {
    long attention = 2L * shape.queryWidth() + 2L * shape.kvWidth();
    long floats = 2L * shape.width() + attention + (half ? 1L : 2L) * shape.feedForward();
    if (options.magnitudes()) { // each adapted product before it is scaled by DoRA
      floats += shape.queryWidth() + 2L * shape.kvWidth() + 2L * shape.width() + 2L * shape.feedForward();
    }
    return 4 * floats * tokens;
  }

  /** Bytes of the largest short-lived tensors: a head's logits, or values and gradients of one feed-forward part. */
  private static long passingBytes(Architecture shape, ModelOptions options, long tokens) {
    long logits = options.rewardHead()
        ? shape.width() * tokens
        : (long) shape.vocabulary() * Math.min(tokens, OutputHead.rowsAtOnce(shape, options));
    return 4 * Math.max(logits, tokens * (3L * shape.feedForward() + 2L * shape.width()));
  }
}
