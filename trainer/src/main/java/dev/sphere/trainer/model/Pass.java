package dev.sphere.trainer.model;

import dev.sphere.bindings.Backend;
import dev.sphere.bindings.Graph;
import dev.sphere.bindings.Tensor;
import dev.sphere.bindings.TensorType;
import dev.sphere.bindings.TransformerOps;
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
  private static final int NODES_PER_LAYER = 600;
  private static final int NODES_PER_HEAD = 100;

  /** Predicting rows {@code from .. to}, whose logits exist at once. */
  private record HeadChunk(
      int first, int last, int[] rowValues, Tensor rows, Targets targets, int mark, Value hidden, Tensor logits,
      Tensor logProbs) {}

  /**
   * Predictions {@code first .. last} of a frozen head: the rows that make them (one for each, so a row after which the
   * tree branches comes several times), and the gradient of each log-probability by its row.
   */
  private record Unit(
      int first, int last, int[] rowValues, Tensor rows, Targets targets, int mark, Value hidden, Tensor gradient,
      Tensor logProbs) {}

  /** The reward head over all predictions: rows, logits [2, predictions] and their gradient, an input. */
  private record Reward(int mark, int[] rowValues, Tensor rows, Value logits, Tensor gradient) {}

  final Graph graph;
  private final Chunk chunk;
  private final Transformer transformer;
  private final Ops ops;
  private final Geometry geometry;
  private final int headRows;
  private final boolean rewardHead;
  private Reward reward;
  private final List<HeadChunk> heads = new ArrayList<>();
  private final List<Unit> units = new ArrayList<>();
  private final List<Tensor> unitWeights = new ArrayList<>();
  private final List<Tensor> collisions = new ArrayList<>();
  private Tensor tokens;

  Pass(Backend backend, Architecture shape, Transformer transformer, ModelOptions options, Chunk chunk, int layers) {
    this.chunk = chunk;
    this.transformer = transformer;
    this.headRows = headRows(shape, options);
    this.rewardHead = options.rewardHead();
    int headChunks = (chunk.order().length + headRows - 1) / headRows;
    this.graph = new Graph(backend, NODES_PER_LAYER * layers + NODES_PER_HEAD * headChunks + 200);
    Tape tape = new Tape(graph);
    this.ops = options.fused()
        ? new FusedOps(tape, options.products(), transformer.halfActivations())
        : new PlainOps(tape);
    this.geometry = new Geometry(
        graph, shape.headSize(), shape.heads(), shape.kvHeads(), chunk.slots(), shape.rope(),
        transformer.ropeFactors(), chunk.positions(), chunk.parents());
  }

  /**
   * Rows whose logits exist at once: a quarter of the activations' memory, and not below 64, where packing the head's
   * matrix costs as much as using it.
   */
  static int headRows(Architecture shape, ModelOptions options) {
    return Math.clamp(options.activationBytes() / 16 / shape.vocabulary(), 64, 1024);
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
    if (rewardHead) {
      rewardForward(x);
      return;
    }
    for (int from = 0; from < chunk.rows().length; from += headRows) {
      headChunk(x, from, null);
    }
  }

  /** log Σ p² of every predicting row. */
  void headCollisions(Value x) {
    for (int from = 0; from < chunk.rows().length; from += headRows) {
      HeadChunk h = headChunk(x, from, null);
      Tensor p = new TransformerOps(graph).softMax(h.logits(), null, 1);
      collisions.add(graph.keep(graph.log(graph.sumRows(graph.mul(p, p)))));
    }
  }

  /** In the chunk's order: each prediction has its row's. */
  float[] collisions() {
    float[] all = new float[chunk.order().length];
    for (int from = 0; from < chunk.rows().length; from += headRows) {
      float[] rows = collisions.get(from / headRows).read();
      for (int r = 0; r < rows.length; r++) {
        Arrays.fill(all, chunk.offsets()[from + r], chunk.offsets()[from + r + 1], rows[r]);
      }
    }
    return all;
  }

  /** The way back from the head to its input, once the graph's forward part has been described. */
  void headBackward() {
    if (rewardHead) {
      tape().give(reward.logits(), reward.gradient());
      tape().backward(reward.mark());
      return;
    }
    for (int i = heads.size() - 1; i >= 0; i--) {
      headBackward(heads.get(i));
    }
  }

  /** Head forward and backward, one chunk of logits after the other. */
  void head(Value x, float[] lossWeights) {
    if (rewardHead) {
      rewardForward(x);
      headBackward();
      return;
    }
    for (int from = 0; from < chunk.rows().length; from += headRows) {
      headBackward(headChunk(x, from, lossWeights));
    }
  }

  private void rewardForward(Value x) {
    int n = chunk.order().length;
    Tensor rows = graph.input(TensorType.I32, n);
    int mark = tape().mark();
    Value logits = transformer.rewardLogits(ops, transformer.predicting(ops, x, rows));
    graph.keep(logits.tensor());
    reward = new Reward(mark, rowsOf(0, n), rows, logits, graph.input(TensorType.F32, 2, n));
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

  /** Log-probabilities, and at once the gradient of each by the frozen head's input, as if its weight were 1. */
  void headUnit(Value x) {
    addUnits(x, true);
  }

  /** The head's inputs alone, where the gradients have been kept. */
  void headInputs(Value x) {
    addUnits(x, false);
  }

  /** In as few parts as the logits' memory allows, of about equal size. */
  private void addUnits(Value x, boolean compute) {
    int n = chunk.order().length;
    int parts = Math.ceilDiv(n, headRows);
    for (int i = 0; i < parts; i++) {
      units.add(unit(x, (int) ((long) n * i / parts), (int) ((long) n * (i + 1) / parts), compute));
    }
  }

  private Unit unit(Value x, int first, int last, boolean compute) {
    int n = last - first;
    int[] rowValues = rowsOf(first, last);
    Tensor rows = graph.input(TensorType.I32, n);
    int mark = tape().mark();
    Value hidden = transformer.predicting(ops, x, rows);
    if (!compute) {
      return new Unit(first, last, rowValues, rows, null, mark, hidden, null, null);
    }
    int[] offsets = new int[n + 1];
    Arrays.setAll(offsets, i -> i);
    float[] ones = new float[n];
    Arrays.fill(ones, 1);
    Targets targets = new Targets(graph, offsets, Arrays.copyOfRange(chunk.targets(), first, last), ones);
    Tensor logits = ops.logits(hidden, transformer.head(ops));
    Tensor logProbs = graph.keep(ops.logProbs(logits, targets));
    Tensor gradient = graph.compute(ops.headGradient(logits, logProbs, transformer.head(ops), targets));
    return new Unit(first, last, rowValues, rows, targets, mark, hidden, gradient, logProbs);
  }

  /** The row that makes each of these predictions. */
  private int[] rowsOf(int first, int last) {
    int[] values = new int[last - first];
    int row = 0;
    for (int i = first; i < last; i++) {
      while (chunk.offsets()[row + 1] <= i) {
        row++;
      }
      values[i - first] = chunk.rows()[row];
    }
    return values;
  }

  /** Copies the gradients of {@link #headUnit} to {@code target} [width, predictions]. */
  void keepUnits(Tensor target) {
    for (Unit u : units) {
      graph.compute(graph.copy(u.gradient(), part(target, u)));
    }
  }

  /** The way back from the head: its gradients, or the kept ones where given, times the loss's weights. */
  void headScaled(Tensor kept) {
    for (int i = 0; i < units.size(); i++) {
      unitWeights.add(graph.input(TensorType.F32, 1, units.get(i).last() - units.get(i).first()));
    }
    for (int i = units.size() - 1; i >= 0; i--) {
      Unit u = units.get(i);
      Tensor gradient = kept == null ? u.gradient() : part(kept, u);
      tape().give(u.hidden(), graph.mul(gradient, unitWeights.get(i)));
      tape().backward(u.mark());
    }
  }

  private Tensor part(Tensor all, Unit u) {
    return graph.slice(all, u.first() * all.size(0), all.size(0), u.last() - u.first());
  }

  /** Takes the memory and writes all inputs that are known. */
  void allocate() {
    graph.allocate();
    if (tokens != null) {
      tokens.write(chunk.tokens());
    }
    geometry.write();
    if (reward != null) {
      reward.rows().write(reward.rowValues());
    }
    for (HeadChunk h : heads) {
      h.rows().write(h.rowValues());
      h.targets().write();
    }
    for (Unit u : units) {
      u.rows().write(u.rowValues());
      if (u.targets() != null) {
        u.targets().write();
      }
    }
  }

  /** Writes the weights of the loss, in a graph whose head was described before they were known. */
  void writeWeights(float[] lossWeights) {
    if (reward != null) {
      float[] both = new float[2 * lossWeights.length];
      for (int i = 0; i < lossWeights.length; i++) {
        both[2 * i] = -lossWeights[i];
        both[2 * i + 1] = lossWeights[i];
      }
      reward.gradient().write(both);
    }
    for (HeadChunk h : heads) {
      h.targets().writeWeights(Arrays.copyOfRange(lossWeights, h.first(), h.last()));
    }
    for (int i = 0; i < units.size(); i++) {
      unitWeights.get(i).write(Arrays.copyOfRange(lossWeights, units.get(i).first(), units.get(i).last()));
    }
  }

  void run() {
    allocate();
    graph.compute();
  }

  /** In the chunk's order; with a reward head its logits of good less bad. */
  float[] logProbs() {
    float[] all = new float[chunk.order().length];
    if (reward != null) {
      float[] both = reward.logits().tensor().read();
      for (int i = 0; i < all.length; i++) {
        all[i] = both[2 * i + 1] - both[2 * i];
      }
    }
    for (HeadChunk h : heads) {
      System.arraycopy(h.logProbs().read(), 0, all, h.first(), h.last() - h.first());
    }
    for (Unit u : units) {
      System.arraycopy(u.logProbs().read(), 0, all, u.first(), u.last() - u.first());
    }
    return all;
  }

  @Override
  public void close() {
    graph.close();
  }
}
