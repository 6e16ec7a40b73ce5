package dev.sphere.trainer.model;

import dev.sphere.bindings.Backend;
import dev.sphere.bindings.Graph;
import dev.sphere.bindings.Tensor;
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

/** One graph over a chunk, with its inputs: some layers, perhaps the embedding before and the head after them. */
final class Pass implements AutoCloseable {
  /** Logits that exist at once: 64 MiB of them. */
  static final int LOGITS = 1 << 24;

  private static final int NODES_PER_LAYER = 600;
  private static final int NODES_PER_HEAD = 100;

  /** Predicting rows {@code from .. to}, whose logits exist at once. */
  private record HeadChunk(
      int first, int last, int[] rowValues, Tensor rows, Targets targets, int mark, Value hidden, Tensor logits,
      Tensor logProbs) {}

  final Graph graph;
  private final Chunk chunk;
  private final Transformer transformer;
  private final Ops ops;
  private final Geometry geometry;
  private final int headRows;
  private final List<HeadChunk> heads = new ArrayList<>();
  private Tensor tokens;

  Pass(Backend backend, Architecture shape, Transformer transformer, ModelOptions options, Chunk chunk, int layers) {
    this.chunk = chunk;
    this.transformer = transformer;
    this.headRows = headRows(shape);
    int headChunks = (chunk.rows().length + headRows - 1) / headRows;
    this.graph = new Graph(backend, NODES_PER_LAYER * layers + NODES_PER_HEAD * headChunks + 200);
    Tape tape = new Tape(graph);
    this.ops = options.fused() ? new FusedOps(tape, options.products()) : new PlainOps(tape);
    this.geometry = new Geometry(
        graph, shape.headSize(), shape.heads(), shape.kvHeads(), chunk.slots(), shape.rope(),
        transformer.ropeFactors(), chunk.positions(), chunk.parents());
  }

  /** Rows whose logits exist at once. */
  static int headRows(Architecture shape) {
    return Math.clamp(LOGITS / shape.vocabulary(), 1, 1024);
  }

  Tape tape() {
    return ops.tape();
  }

  Value embedding() {
    tokens = graph.input(TensorType.I32, chunk.size());
    return transformer.embed(ops, tokens);
  }

  Value layers(Value x, int from, int to, boolean adapter) {
    for (int i = from; i < to; i++) {
      x = transformer.layer(ops, i, x, geometry, adapter);
    }
    return x;
  }

  /** Log-probabilities of the predictions, with logits that stay for {@link #headBackward}. */
  void headForward(Value x) {
    for (int from = 0; from < chunk.rows().length; from += headRows) {
      headChunk(x, from, null);
    }
  }

  /** The way back from the head to its input, once the graph's forward part has been described. */
  void headBackward() {
    for (int i = heads.size() - 1; i >= 0; i--) {
      headBackward(heads.get(i));
    }
  }

  /** Head forward and backward, one chunk of logits after the other. */
  void head(Value x, float[] lossWeights) {
    for (int from = 0; from < chunk.rows().length; from += headRows) {
      headBackward(headChunk(x, from, lossWeights));
    }
  }

  private HeadChunk headChunk(Value x, int from, float[] lossWeights) {
    int to = Math.min(chunk.rows().length, from + headRows);
    int first = chunk.offsets()[from];
    int last = chunk.offsets()[to];
    int[] offsets = Arrays.copyOfRange(chunk.offsets(), from, to + 1);
    for (int i = 0; i < offsets.length; i++) {
      offsets[i] -= first;
    }
    float[] part = lossWeights == null ? null : Arrays.copyOfRange(lossWeights, first, last);
    Targets targets = new Targets(graph, offsets, Arrays.copyOfRange(chunk.targets(), first, last), part);
    Tensor rows = graph.input(TensorType.I32, to - from);
    int mark = tape().mark();
    Value hidden = transformer.predicting(ops, x, rows);
    Tensor logits = ops.logits(hidden, transformer.head(ops));
    Tensor logProbs = graph.keep(ops.logProbs(logits, targets));
    int[] rowValues = Arrays.copyOfRange(chunk.rows(), from, to);
    HeadChunk head = new HeadChunk(first, last, rowValues, rows, targets, mark, hidden, logits, logProbs);
    heads.add(head);
    return head;
  }

  private void headBackward(HeadChunk h) {
    ops.logProbsBackward(h.logits(), h.logProbs(), h.hidden(), transformer.head(ops), h.targets());
    tape().backward(h.mark());
  }

  /** Takes the memory and writes all inputs that are known. */
  void allocate() {
    graph.allocate();
    if (tokens != null) {
      tokens.write(chunk.tokens());
    }
    geometry.write();
    for (HeadChunk h : heads) {
      h.rows().write(h.rowValues());
      h.targets().write();
    }
  }

  /** Writes the weights of the loss, in a graph whose head was described before they were known. */
  void writeWeights(float[] lossWeights) {
    for (HeadChunk h : heads) {
      h.targets().writeWeights(Arrays.copyOfRange(lossWeights, h.first(), h.last()));
    }
  }

  void run() {
    allocate();
    graph.compute();
  }

  /** In the chunk's order. */
  float[] logProbs() {
    float[] all = new float[chunk.order().length];
    for (HeadChunk h : heads) {
      System.arraycopy(h.logProbs().read(), 0, all, h.first(), h.last() - h.first());
    }
    return all;
  }

  @Override
  public void close() {
    graph.close();
  }
}
