package dev.sphere.trainer.model;

import dev.sphere.bindings.tensor.Backend;
import dev.sphere.bindings.tensor.Graph;
import dev.sphere.bindings.tensor.Tensor;
import dev.sphere.bindings.tensor.TensorType;
import dev.sphere.trainer.autodiff.Geometry;
import dev.sphere.trainer.autodiff.Ops;
import dev.sphere.trainer.autodiff.Tape;
import dev.sphere.trainer.autodiff.Value;

/** A graph over a chunk, with its inputs: some layers, perhaps with the embedding before and the head after them. */
final class ChunkGraph implements AutoCloseable {
  private static final int NODES_PER_LAYER = 600;
  private static final int NODES_PER_HEAD = 100;

  final Graph graph;
  private final Chunk chunk;
  private final Transformer transformer;
  private final Ops ops;
  private final Geometry geometry;
  private final int headRows;
  private final boolean rewardHead;
  private Tensor tokens;
  private OutputHead head;

  ChunkGraph(
      Backend backend, Architecture shape, Transformer transformer, ModelOptions options, Chunk chunk, int layers) {
    this.chunk = chunk;
    this.transformer = transformer;
    this.headRows = OutputHead.rowsAtOnce(shape, options);
    this.rewardHead = options.rewardHead();
    int headChunks = Math.ceilDiv(chunk.order().length, headRows);
    this.graph = new Graph(backend, NODES_PER_LAYER * layers + NODES_PER_HEAD * headChunks + 200);
    this.ops = options.operations().of(new Tape(graph), options.products(), transformer.halfActivations());
    this.geometry = new Geometry(
        graph, shape.headSize(), shape.heads(), shape.kvHeads(), chunk.slots(), shape.rope(),
        transformer.ropeFactors(), chunk.positions(), chunk.parents());
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

  /** The reward head, or the language model's head with a gradient for its weights. */
  OutputHead head() {
    head = rewardHead ? new RewardHead(ops, transformer, chunk) : vocabularyHead(false);
    return head;
  }

  /** The language model's head. */
  VocabularyHead vocabularyHead(boolean frozen) {
    VocabularyHead vocabulary = new VocabularyHead(ops, transformer, chunk, headRows, frozen);
    head = vocabulary;
    return vocabulary;
  }

  /** Allocates memory and writes all inputs but the weights of the loss. */
  void allocate() {
    graph.allocate();
    if (tokens != null) {
      tokens.write(chunk.tokens());
    }
    geometry.write();
    if (head != null) {
      head.writeInputs();
    }
  }

  void run() {
    allocate();
    graph.compute();
  }

  @Override
  public void close() {
    graph.close();
  }
}
