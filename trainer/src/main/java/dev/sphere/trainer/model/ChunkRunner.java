package dev.sphere.trainer.model;

import dev.sphere.bindings.Backend;
import dev.sphere.bindings.Graph;
import dev.sphere.bindings.Tensor;
import dev.sphere.bindings.TensorBuffer;
import dev.sphere.bindings.TensorType;
import dev.sphere.trainer.autodiff.FusedOps;
import dev.sphere.trainer.autodiff.Geometry;
import dev.sphere.trainer.autodiff.Ops;
import dev.sphere.trainer.autodiff.PlainOps;
import dev.sphere.trainer.autodiff.Tape;
import dev.sphere.trainer.autodiff.Targets;
import dev.sphere.trainer.autodiff.Value;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Forward and backward passes of one chunk. Layers are taken in segments: the inputs of the segments are kept as
 * checkpoints, then the segments are walked backwards, each one's forward and backward pass in one graph. The last
 * segment holds the head too, the first one the embedding.
 */
final class ChunkRunner implements AutoCloseable {
  /** Logits that exist at once: 64 MiB of them. */
  private static final int LOGITS = 1 << 24;

  private final Backend backend;
  private final Architecture shape;
  private final Weights weights;
  private final ModelOptions options;
  private final Transformer transformer;
  private TensorBuffer kept;
  private List<Tensor> checkpoints = List.of();
  private int keptColumns;
  private int keptSegments;

  ChunkRunner(Backend backend, Architecture shape, Weights weights, ModelOptions options) {
    this.backend = backend;
    this.shape = shape;
    this.weights = weights;
    this.options = options;
    this.transformer = new Transformer(shape, weights, options);
  }

  long checkpointBytes() {
    return kept == null ? 0 : kept.bytes();
  }

  /** Log-probabilities of the chunk's predictions, in its order. */
  float[] forward(Chunk chunk, boolean adapter) {
    try (Pass pass = new Pass(chunk, shape.layers())) {
      Value x = pass.layers(pass.embedding(), 0, shape.layers(), adapter);
      pass.head(x, null);
      pass.run();
      return pass.logProbs();
    }
  }

  /** The same, and gradients of the weighted sum added to the parameters'. */
  float[] backward(Chunk chunk, float[] lossWeights) {
    int step = segmentLayers(chunk);
    int segments = (shape.layers() + step - 1) / step;
    reserve(segments, chunk.size());
    for (int s = 0; s < segments - 1; s++) {
      try (Pass pass = new Pass(chunk, step)) {
        Value x = pass.layers(pass.start(s), s * step, (s + 1) * step, true);
        pass.graph.compute(pass.graph.copy(x.tensor(), checkpoints.get(s + 1)));
        pass.run();
      }
    }
    float[] logProbs = null;
    for (int s = segments - 1; s >= 0; s--) {
      try (Pass pass = new Pass(chunk, step)) {
        Value in = pass.start(s);
        Value out = pass.layers(in, s * step, Math.min(shape.layers(), (s + 1) * step), true);
        if (s == segments - 1) {
          pass.head(out, lossWeights);
          pass.ops.tape().backward(0);
        } else {
          pass.ops.tape().backward(out, checkpoints.get(0));
        }
        if (s > 0 && in.gradient() != null) {
          pass.graph.compute(pass.graph.copy(in.gradient(), checkpoints.get(0)));
        }
        pass.run();
        if (s == segments - 1) {
          logProbs = pass.logProbs();
        }
      }
    }
    return logProbs;
  }

  /** As many layers as the activations' memory allows, or as the options say. */
  private int segmentLayers(Chunk chunk) {
    if (options.segmentLayers() > 0) {
      return Math.min(options.segmentLayers(), shape.layers());
    }
    long floats = 6L * shape.width() + 5L * shape.feedForward()
        + 4L * shape.headSize() * (shape.heads() + shape.kvHeads()) + (long) shape.heads() * chunk.slots() * 3;
    long layerBytes = 4 * floats * chunk.size();
    return Math.clamp(options.activationBytes() / layerBytes, 1, shape.layers());
  }

  /** Tensor 0 carries the gradient between segments, tensor s the input of segment s. */
  private void reserve(int segments, int columns) {
    if (segments == 1 || (segments == keptSegments && columns == keptColumns)) {
      return;
    }
    if (kept != null) {
      kept.close();
    }
    kept = new TensorBuffer(backend, segments);
    checkpoints = new ArrayList<>();
    for (int s = 0; s < segments; s++) {
      checkpoints.add(kept.add(TensorType.F32, "checkpoint " + s, shape.width(), columns));
    }
    kept.allocate();
    keptSegments = segments;
    keptColumns = columns;
  }

  @Override
  public void close() {
    if (kept != null) {
      kept.close();
    }
  }

  /** One graph over a chunk, with its inputs. */
  private final class Pass implements AutoCloseable {
    final Chunk chunk;
    final Graph graph;
    final Ops ops;
    final Geometry geometry;
    final List<Targets> targets = new ArrayList<>();
    final List<Tensor> rowInputs = new ArrayList<>();
    final List<int[]> rowValues = new ArrayList<>();
    final List<Tensor> results = new ArrayList<>();
    Tensor tokens;

    Pass(Chunk chunk, int layers) {
      this.chunk = chunk;
      this.graph = new Graph(backend, 600 * layers + 100 * headChunks(chunk) + 200);
      Tape tape = new Tape(graph);
      this.ops = options.fused() ? new FusedOps(tape) : new PlainOps(tape);
      this.geometry = new Geometry(
          graph, shape.headSize(), shape.heads(), shape.kvHeads(), chunk.slots(), shape.rope(),
          transformer.ropeFactors(), chunk.positions(), chunk.parents());
    }

    Value embedding() {
      tokens = graph.input(TensorType.I32, chunk.size());
      return transformer.embed(ops, tokens);
    }

    /** What segment s starts from. */
    Value start(int s) {
      return s == 0 ? embedding() : ops.tape().variable(checkpoints.get(s));
    }

    Value layers(Value x, int from, int to, boolean adapter) {
      for (int i = from; i < to; i++) {
        x = transformer.layer(ops, i, x, geometry, adapter);
      }
      return x;
    }

    /** The head over the predicting rows, a chunk of logits at a time; with loss weights also its backward pass. */
    void head(Value x, float[] lossWeights) {
      int step = headRows();
      for (int from = 0; from < chunk.rows().length; from += step) {
        int to = Math.min(chunk.rows().length, from + step);
        int first = chunk.offsets()[from];
        int last = chunk.offsets()[to];
        int[] offsets = Arrays.copyOfRange(chunk.offsets(), from, to + 1);
        for (int i = 0; i < offsets.length; i++) {
          offsets[i] -= first;
        }
        float[] part = lossWeights == null ? null : Arrays.copyOfRange(lossWeights, first, last);
        Targets t = new Targets(graph, offsets, Arrays.copyOfRange(chunk.targets(), first, last), part);
        targets.add(t);
        Tensor rows = graph.input(TensorType.I32, to - from);
        rowInputs.add(rows);
        rowValues.add(Arrays.copyOfRange(chunk.rows(), from, to));
        int mark = ops.tape().mark();
        Value hidden = transformer.predicting(ops, x, rows);
        if (part == null) {
          results.add(graph.keep(ops.logProbs(hidden, transformer.head(ops), t)));
        } else {
          results.add(graph.keep(ops.logProbsBackward(hidden, transformer.head(ops), t)));
          ops.tape().backward(mark);
        }
      }
    }

    void run() {
      graph.allocate();
      if (tokens != null) {
        tokens.write(chunk.tokens());
      }
      geometry.write();
      targets.forEach(Targets::write);
      for (int i = 0; i < rowInputs.size(); i++) {
        rowInputs.get(i).write(rowValues.get(i));
      }
      graph.compute();
    }

    float[] logProbs() {
      float[] all = new float[chunk.order().length];
      int at = 0;
      for (Tensor result : results) {
        float[] part = result.read();
        System.arraycopy(part, 0, all, at, part.length);
        at += part.length;
      }
      return all;
    }

    @Override
    public void close() {
      graph.close();
    }
  }

  private int headRows() {
    return Math.clamp(LOGITS / shape.vocabulary(), 1, 1024);
  }

  private int headChunks(Chunk chunk) {
    return (chunk.rows().length + headRows() - 1) / headRows();
  }
}
