package dev.sphere.trainer.model;

import dev.sphere.bindings.Backend;
import dev.sphere.trainer.autodiff.Value;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * Forward and backward passes of one chunk. Layers are taken in segments: the inputs of the segments are kept as
 * checkpoints, then the segments are walked backwards, each one's forward and backward pass in one graph. The last
 * segment holds the head too, the first one the embedding.
 */
final class ChunkRunner implements AutoCloseable {
  private final Backend backend;
  private final Architecture shape;
  private final ModelOptions options;
  private final Transformer transformer;
  /** One for each chunk of a batch that is kept between its forward and its backward pass. */
  private final List<Checkpoints> kept = new ArrayList<>();

  ChunkRunner(Backend backend, Architecture shape, Weights weights, ModelOptions options) {
    this.backend = backend;
    this.shape = shape;
    this.options = options;
    this.transformer = new Transformer(shape, weights, options);
  }

  long checkpointBytes() {
    return kept.stream().mapToLong(Checkpoints::bytes).sum();
  }

  /** Log-probabilities of the chunk's predictions, in its order. */
  float[] forward(Chunk chunk, boolean adapter) {
    try (Pass pass = pass(chunk, shape.layers())) {
      pass.headForward(pass.layers(pass.embedding(), 0, shape.layers(), adapter));
      pass.run();
      return pass.logProbs();
    }
  }

  /** Whether all activations of the chunk may be kept from its forward to its backward pass. */
  boolean fitsWhole(Chunk chunk) {
    return segmentLayers(chunk) == shape.layers()
        && (long) chunk.rows().length * shape.vocabulary() <= Pass.LOGITS;
  }

  /** Forward pass, the loss's weights by {@code lossWeights} from its log-probabilities, backward pass: one graph. */
  float[] backwardWhole(Chunk chunk, UnaryOperator<float[]> lossWeights) {
    try (Pass pass = pass(chunk, shape.layers())) {
      pass.headForward(pass.layers(pass.embedding(), 0, shape.layers(), true));
      int middle = pass.graph.mark();
      pass.headBackward();
      pass.tape().backward(0);
      pass.allocate();
      pass.graph.compute(0, middle);
      float[] logProbs = pass.logProbs();
      pass.writeWeights(lossWeights.apply(logProbs));
      pass.graph.compute(middle, pass.graph.mark());
      return logProbs;
    }
  }

  /** Forward pass that keeps the segments' inputs under {@code index} for {@link #backwardKept}. */
  float[] forwardKeeping(Chunk chunk, int index) {
    int step = segmentLayers(chunk);
    int segments = segments(step);
    forwardSegments(chunk, step, segments, index);
    try (Pass pass = pass(chunk, step)) {
      pass.headForward(pass.layers(start(pass, segments - 1, index), (segments - 1) * step, shape.layers(), true));
      pass.run();
      return pass.logProbs();
    }
  }

  /** The way back for a chunk of {@link #forwardKeeping}; gradients are added to the parameters'. */
  float[] backwardKept(Chunk chunk, int index, float[] lossWeights) {
    int step = segmentLayers(chunk);
    int segments = segments(step);
    float[] logProbs = null;
    for (int s = segments - 1; s >= 0; s--) {
      try (Pass pass = pass(chunk, step)) {
        Value in = start(pass, s, index);
        Value out = pass.layers(in, s * step, Math.min(shape.layers(), (s + 1) * step), true);
        if (s == segments - 1) {
          pass.head(out, lossWeights);
          pass.tape().backward(0);
        } else {
          pass.tape().backward(out, kept.get(index).gradient());
        }
        if (s > 0) {
          pass.graph.compute(pass.graph.copy(in.gradient(), kept.get(index).gradient()));
        }
        pass.run();
        if (s == segments - 1) {
          logProbs = pass.logProbs();
        }
      }
    }
    return logProbs;
  }

  /** Forward and backward pass; gradients are added to the parameters'. */
  float[] backward(Chunk chunk, float[] lossWeights) {
    int step = segmentLayers(chunk);
    forwardSegments(chunk, step, segments(step), 0);
    return backwardKept(chunk, 0, lossWeights);
  }

  /** All segments but the last. */
  private void forwardSegments(Chunk chunk, int step, int segments, int index) {
    reserve(index, segments, chunk.size());
    for (int s = 0; s < segments - 1; s++) {
      try (Pass pass = pass(chunk, step)) {
        Value x = pass.layers(start(pass, s, index), s * step, (s + 1) * step, true);
        pass.graph.compute(pass.graph.copy(x.tensor(), kept.get(index).input(s + 1)));
        pass.run();
      }
    }
  }

  private Value start(Pass pass, int s, int index) {
    return s == 0 ? pass.embedding() : pass.tape().variable(kept.get(index).input(s));
  }

  private Pass pass(Chunk chunk, int layers) {
    return new Pass(backend, shape, transformer, options, chunk, layers);
  }

  private int segments(int step) {
    return (shape.layers() + step - 1) / step;
  }

  private int segmentLayers(Chunk chunk) {
    return Footprint.segmentLayers(shape, options, chunk.size(), chunk.slots());
  }

  private void reserve(int index, int segments, int slots) {
    if (segments == 1 || (index < kept.size() && kept.get(index).fits(segments, slots))) {
      return;
    }
    while (kept.size() > index) {
      kept.removeLast().close();
    }
    kept.add(new Checkpoints(backend, segments, shape.width(), slots));
  }

  @Override
  public void close() {
    kept.forEach(Checkpoints::close);
    kept.clear();
  }
}
