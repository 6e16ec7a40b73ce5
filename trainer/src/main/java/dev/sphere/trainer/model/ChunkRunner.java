package dev.sphere.trainer.model;

import dev.sphere.bindings.tensor.Backend;
import dev.sphere.trainer.autodiff.Value;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * Forward and backward passes of chunks, with gradient checkpointing. The layers are cut into segments of as many
 * layers as the activations' memory allows. A forward pass keeps the inputs of the segments. The backward pass takes
 * the segments from the last to the first and computes forward and backward pass of each in one graph. The last
 * segment holds the head too, the first the embedding.
 *
 * <p>For a frozen head see {@link VocabularyHead}: its gradients are computed in the forward pass, with weight 1 for
 * each prediction, and the loss weighs them later.
 */
final class ChunkRunner implements AutoCloseable {
  private final Backend backend;
  private final Architecture shape;
  private final ModelOptions options;
  private final Transformer transformer;
  /** One for each chunk of a batch whose forward passes all come before its backward passes. */
  private final List<ActivationCheckpoints> kept = new ArrayList<>();

  ChunkRunner(Backend backend, Architecture shape, Weights weights, ModelOptions options) {
    this.backend = backend;
    this.shape = shape;
    this.options = options;
    this.transformer = new Transformer(shape, weights, options);
  }

  long checkpointBytes() {
    return kept.stream().mapToLong(ActivationCheckpoints::bytes).sum();
  }

  /** {@link OutputHead#values} of the chunk. */
  float[] forward(Chunk chunk, boolean adapter) {
    try (ChunkGraph pass = pass(chunk, shape.layers())) {
      OutputHead head = pass.head();
      head.forward(pass.layers(pass.embedding(), 0, shape.layers(), adapter));
      pass.run();
      return head.values();
    }
  }

  /** log Σ p² at each of the chunk's predictions, in the chunk's order. */
  float[] collisions(Chunk chunk) {
    try (ChunkGraph pass = pass(chunk, shape.layers())) {
      VocabularyHead head = pass.vocabularyHead(false);
      head.forwardCollisions(pass.layers(pass.embedding(), 0, shape.layers(), true));
      pass.run();
      return head.collisions();
    }
  }

  /** Whether the memory holds all activations of the chunk from its forward to its backward pass. */
  boolean fitsWhole(Chunk chunk) {
    return segmentLayers(chunk) == shape.layers() && chunk.rows().length <= OutputHead.rowsAtOnce(shape, options);
  }

  /** Whether the memory holds the activations of the chunk's last segment until the loss has given its weights. */
  boolean mayPause(Chunk chunk) {
    return options.lora() || options.rewardHead() || fitsWhole(chunk);
  }

  /**
   * Forward pass, loss and backward pass. The graph of the last segment pauses for the loss, so that its activations
   * are computed once.
   *
   * @param lossWeights maps {@link OutputHead#values} to the weights of the loss
   * @return {@link OutputHead#values}
   */
  float[] backwardPaused(Chunk chunk, UnaryOperator<float[]> lossWeights) {
    int[] bounds = bounds(chunk);
    int last = bounds.length - 2;
    forwardSegments(chunk, bounds, 0);
    float[] values;
    try (ChunkGraph pass = pass(chunk, bounds[last + 1] - bounds[last])) {
      Value in = start(pass, last, 0);
      Value out = pass.layers(in, bounds[last], bounds[last + 1], true);
      OutputHead head = options.frozenHead() ? pass.vocabularyHead(true) : pass.head();
      head.forward(out);
      int middle = pass.graph.mark();
      head.backward();
      pass.tape().backward(0);
      keepGradient(pass, in, last, 0);
      pass.allocate();
      pass.graph.compute(0, middle);
      values = head.values();
      head.writeWeights(lossWeights.apply(values));
      pass.graph.compute(middle, pass.graph.mark());
    }
    backwardSegments(chunk, bounds, last - 1, 0);
    return values;
  }

  /** Forward and backward pass; adds to the parameters' gradients and returns {@link OutputHead#values}. */
  float[] backward(Chunk chunk, float[] lossWeights) {
    if (mayPause(chunk)) {
      return backwardPaused(chunk, values -> lossWeights);
    }
    forwardSegments(chunk, bounds(chunk), 0);
    return backwardKept(chunk, 0, lossWeights);
  }

  /** {@link #forward} that keeps the segments' inputs for {@link #backwardKept} of the same {@code index}. */
  float[] forwardKeeping(Chunk chunk, int index) {
    int[] bounds = bounds(chunk);
    int last = bounds.length - 2;
    forwardSegments(chunk, bounds, index);
    try (ChunkGraph pass = pass(chunk, bounds[last + 1] - bounds[last])) {
      Value out = pass.layers(start(pass, last, index), bounds[last], bounds[last + 1], true);
      OutputHead head;
      if (options.frozenHead()) {
        VocabularyHead frozen = pass.vocabularyHead(true);
        frozen.forward(out);
        frozen.keep(kept.get(index).headGradients());
        head = frozen;
      } else {
        head = pass.head();
        head.forward(out);
      }
      pass.run();
      return head.values();
    }
  }

  /**
   * The backward pass of a chunk of {@link #forwardKeeping}; adds to the parameters' gradients.
   *
   * @return {@link OutputHead#values}; for a frozen head nothing
   */
  float[] backwardKept(Chunk chunk, int index, float[] lossWeights) {
    int[] bounds = bounds(chunk);
    int last = bounds.length - 2;
    float[] values;
    try (ChunkGraph pass = pass(chunk, bounds[last + 1] - bounds[last])) {
      Value in = start(pass, last, index);
      Value out = pass.layers(in, bounds[last], bounds[last + 1], true);
      OutputHead head;
      if (options.frozenHead()) {
        VocabularyHead frozen = pass.vocabularyHead(true);
        frozen.inputs(out);
        frozen.backward(kept.get(index).headGradients());
        head = frozen;
      } else {
        head = pass.head();
        head.forwardAndBackward(out, lossWeights);
      }
      pass.tape().backward(0);
      keepGradient(pass, in, last, index);
      pass.allocate();
      head.writeWeights(lossWeights);
      pass.graph.compute();
      values = options.frozenHead() ? new float[0] : head.values();
    }
    backwardSegments(chunk, bounds, last - 1, index);
    return values;
  }

  /** The backward pass of the segments {@code from} down to 0. */
  private void backwardSegments(Chunk chunk, int[] bounds, int from, int index) {
    for (int s = from; s >= 0; s--) {
      try (ChunkGraph pass = pass(chunk, bounds[s + 1] - bounds[s])) {
        Value in = start(pass, s, index);
        Value out = pass.layers(in, bounds[s], bounds[s + 1], true);
        pass.tape().backward(out, kept.get(index).gradient());
        keepGradient(pass, in, s, index);
        pass.run();
      }
    }
  }

  private void keepGradient(ChunkGraph pass, Value in, int s, int index) {
    if (s > 0) {
      pass.graph.compute(pass.graph.copy(in.gradient(), kept.get(index).gradient()));
    }
  }

  /** The forward pass of all segments but the last. */
  private void forwardSegments(Chunk chunk, int[] bounds, int index) {
    int segments = bounds.length - 1;
    reserve(index, segments, chunk);
    for (int s = 0; s < segments - 1; s++) {
      try (ChunkGraph pass = pass(chunk, bounds[s + 1] - bounds[s])) {
        Value x = pass.layers(start(pass, s, index), bounds[s], bounds[s + 1], true);
        pass.graph.compute(pass.graph.copy(x.tensor(), kept.get(index).input(s + 1)));
        pass.run();
      }
    }
  }

  private Value start(ChunkGraph pass, int s, int index) {
    return s == 0 ? pass.embedding() : pass.tape().variable(kept.get(index).input(s));
  }

  private ChunkGraph pass(Chunk chunk, int layers) {
    return new ChunkGraph(backend, shape, transformer, options, chunk, layers);
  }

  /** The first layer of each segment, then the number of layers; only the first segment may be shorter. */
  private int[] bounds(Chunk chunk) {
    int step = segmentLayers(chunk);
    int segments = Math.ceilDiv(shape.layers(), step);
    int[] bounds = new int[segments + 1];
    for (int s = 0; s <= segments; s++) {
      bounds[s] = Math.max(0, shape.layers() - (segments - s) * step);
    }
    return bounds;
  }

  private int segmentLayers(Chunk chunk) {
    return Footprint.segmentLayers(shape, options, transformer.halfActivations(), chunk.size());
  }

  private void reserve(int index, int segments, Chunk chunk) {
    int predictions = options.frozenHead() ? chunk.order().length : 0;
    if (index < kept.size() && kept.get(index).fits(segments, chunk.size(), predictions)) {
      return;
    }
    while (kept.size() > index) {
      kept.removeLast().close();
    }
    kept.add(new ActivationCheckpoints(backend, segments, shape.width(), chunk.size(), predictions));
  }

  @Override
  public void close() {
    kept.forEach(ActivationCheckpoints::close);
    kept.clear();
  }
}
