package dev.sphere.trainer.model;

import dev.sphere.bindings.tensor.Backend;
import dev.sphere.trainer.Distributions;
import dev.sphere.trainer.PackedBatch;
import dev.sphere.trainer.Parameter;
import dev.sphere.trainer.TrainableModel;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * A qwen2, qwen3, llama or phi3 model that computes as ggml graphs. A batch is cut into chunks of whole groups, which
 * are computed one after the other; their gradients are summed. Equal inputs, options and numbers of threads give
 * bit-equal results. Not thread-safe.
 */
public final class GraphModel implements TrainableModel {
  private final Architecture shape;
  private final ModelOptions options;
  private final Backend backend;
  private final Weights weights;
  private final ChunkRunner runner;
  /** Positions from here on would need the model's long factors for the rotary embedding. */
  private final int positions;
  private Distributions seen;
  private boolean closed;

  /**
   * Loads the weights.
   *
   * @throws IllegalArgumentException naming what is unsupported, missing or of the wrong shape
   */
  public GraphModel(Architecture shape, WeightSource source, ModelOptions options) {
    this.shape = shape;
    this.options = options;
    this.backend = Backend.open(options.threads());
    try {
      this.weights = new Weights(backend, shape, source, options);
      this.runner = new ChunkRunner(backend, shape, weights, options);
      boolean brief = weights.has(ModelTensors.ROPE_SHORT) && options.context() <= shape.rope().originalContext();
      this.positions = brief ? shape.rope().originalContext() : Integer.MAX_VALUE;
    } catch (RuntimeException e) {
      backend.close();
      throw e;
    }
  }

  public Architecture architecture() {
    return shape;
  }

  /** Bytes of weights and gradients. */
  public long weightBytes() {
    return weights.bytes();
  }

  /** Bytes of scratch memory that graphs have needed so far, checkpoints included. */
  public long scratchBytes() {
    return backend.scratchBytes() + runner.checkpointBytes();
  }

  /** Floating-point operations of a batch's forward pass in products: linear layers, attention, head. */
  public double forwardFlops(PackedBatch batch) {
    double layers = 2.0 * weights.layerElements() * batch.usedSlots();
    double seen = 0;
    for (int i = 0; i < batch.parents().length; i++) {
      seen += batch.parents()[i] == PackedBatch.UNUSED ? 0 : batch.positions()[i] + 1;
    }
    double attention = 4.0 * shape.layers() * shape.queryWidth() * seen;
    long rows = Arrays.stream(batch.sources()).distinct().count();
    return layers + attention + 2.0 * rows * shape.width() * shape.vocabulary();
  }

  @Override
  public float[] logProbs(PackedBatch batch, boolean reference) {
    check(batch);
    if (reference && !options.lora()) {
      throw new UnsupportedOperationException(
          "full fine-tuning keeps no reference policy; cache its log-probabilities before the first step");
    }
    float[] result = new float[batch.predictions()];
    seen = reference ? seen : null;
    for (Chunk chunk : predicting(batch)) {
      scatter(runner.forward(chunk, !reference), chunk, result, !reference);
    }
    return result;
  }

  @Override
  public float[] logCollisions(PackedBatch batch) {
    check(batch);
    float[] result = new float[batch.predictions()];
    for (Chunk chunk : predicting(batch)) {
      scatter(runner.collisions(chunk), chunk, result, false);
    }
    return result;
  }

  @Override
  public float[] backward(PackedBatch batch, float[] lossWeights) {
    check(batch);
    requireWeights(batch, lossWeights);
    float[] result = new float[batch.predictions()];
    seen = null;
    for (Chunk chunk : predicting(batch)) {
      scatter(runner.backward(chunk, gather(lossWeights, chunk)), chunk, result, true);
    }
    return result;
  }

  /** The batch's chunks that have a prediction. */
  private List<Chunk> predicting(PackedBatch batch) {
    return Chunk.split(batch, options.microTokens()).stream().filter(chunk -> chunk.order().length > 0).toList();
  }

  /**
   * {@inheritDoc} A batch of one chunk is one graph that pauses for the loss. Of a larger batch the segments' inputs
   * are kept until the loss has given its weights.
   */
  @Override
  public float[] backward(PackedBatch batch, UnaryOperator<float[]> lossWeights) {
    check(batch);
    float[] result = new float[batch.predictions()];
    seen = null;
    if (result.length == 0) {
      requireWeights(batch, lossWeights.apply(result));
      return result;
    }
    List<Chunk> chunks = Chunk.split(batch, options.microTokens());
    Chunk whole = chunks.size() == 1 ? chunks.getFirst() : Chunk.split(batch, Integer.MAX_VALUE).getFirst();
    if (runner.fitsWhole(whole) || (chunks.size() == 1 && runner.mayPause(whole))) {
      runner.backwardPaused(
          whole,
          values -> {
            scatter(values, whole, result, true);
            return gather(requireWeights(batch, lossWeights.apply(result.clone())), whole);
          });
      return result;
    }
    chunks = predicting(batch);
    for (int i = 0; i < chunks.size(); i++) {
      scatter(runner.forwardKeeping(chunks.get(i), i), chunks.get(i), result, true);
    }
    float[] weights = requireWeights(batch, lossWeights.apply(result.clone()));
    for (int i = 0; i < chunks.size(); i++) {
      runner.backwardKept(chunks.get(i), i, gather(weights, chunks.get(i)));
    }
    return result;
  }

  private static float[] requireWeights(PackedBatch batch, float[] lossWeights) {
    if (lossWeights.length != batch.predictions()) {
      throw new IllegalArgumentException(
          lossWeights.length + " weights for " + batch.predictions() + " predictions");
    }
    return lossWeights;
  }

  private static float[] gather(float[] values, Chunk chunk) {
    float[] part = new float[chunk.order().length];
    for (int i = 0; i < part.length; i++) {
      part[i] = values[chunk.order()[i]];
    }
    return part;
  }

  /**
   * Copies a chunk's values to the batch's order.
   *
   * @param values {@link OutputHead#values}
   * @param result takes the log-probabilities
   * @param policy whether to keep the distributions, where {@code values} has them
   */
  private void scatter(float[] values, Chunk chunk, float[] result, boolean policy) {
    int n = chunk.order().length;
    boolean whole = policy && values.length > n;
    if (whole && seen == null) {
      seen = new Distributions(result.length);
    }
    for (int i = 0; i < n; i++) {
      int at = chunk.order()[i];
      result[at] = values[i];
      if (whole) {
        seen.entropies()[at] = values[n + i];
        seen.meanLogits()[at] = values[2 * n + i];
        seen.tops()[at] = values[3 * n + i] != 0;
      }
    }
  }

  /** Native code indexes tables with these numbers, some of which come from a user's rows. */
  private void check(PackedBatch batch) {
    if (closed) {
      throw new IllegalStateException("the model is closed");
    }
    range("token", batch.tokens(), shape.vocabulary());
    range("target", batch.targets(), shape.vocabulary());
    range("source", batch.sources(), batch.groups() * batch.slots());
    for (int position : batch.positions()) {
      if (position >= positions) {
        throw new IllegalArgumentException(
            "position " + position + " is beyond the " + positions
                + " that this model's short rotation factors are for; open it for longer sequences (its long factors)");
      }
    }
    range("position", batch.positions(), Integer.MAX_VALUE);
  }

  private static void range(String what, int[] values, int end) {
    for (int i = 0; i < values.length; i++) {
      if (values[i] < 0 || values[i] >= end) {
        throw new IllegalArgumentException(what + " " + i + " is " + values[i] + ", not in 0.." + (end - 1));
      }
    }
  }

  @Override
  public Distributions distributions() {
    return seen;
  }

  @Override
  public List<Parameter> parameters() {
    return weights.parameters();
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      runner.close();
      weights.close();
      backend.close();
    }
  }
}
