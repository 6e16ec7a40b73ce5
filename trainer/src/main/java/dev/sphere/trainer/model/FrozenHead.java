package dev.sphere.trainer.model;

import dev.sphere.bindings.tensor.Graph;
import dev.sphere.bindings.tensor.Tensor;
import dev.sphere.bindings.tensor.TensorType;
import dev.sphere.trainer.autodiff.Ops;
import dev.sphere.trainer.autodiff.Targets;
import dev.sphere.trainer.autodiff.Value;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The language model's head where it is frozen: with each prediction's log-probability at once its gradient by the
 * head's input, as if its weight in the loss were 1. The way back is that gradient times the weight, so the logits are
 * neither kept nor computed twice, and the gradients can be kept between two passes.
 */
final class FrozenHead implements OutputHead {

  /**
   * Predictions {@code first .. last}: the rows that make them (one for each, so a row after which the tree branches
   * comes several times), and the gradient of each log-probability by its row.
   */
  private record Part(
      int first, int last, int[] rowValues, Tensor rows, Targets targets, int mark, Value hidden, Tensor gradient,
      Tensor logProbs) {}

  private final Ops ops;
  private final Graph graph;
  private final Transformer transformer;
  private final Chunk chunk;
  private final int rowsAtOnce;
  private final List<Part> parts = new ArrayList<>();
  private final List<Tensor> weights = new ArrayList<>();

  FrozenHead(Ops ops, Transformer transformer, Chunk chunk, int rowsAtOnce) {
    this.ops = ops;
    this.graph = ops.tape().graph();
    this.transformer = transformer;
    this.chunk = chunk;
    this.rowsAtOnce = rowsAtOnce;
  }

  @Override
  public void forward(Value x) {
    addParts(x, true);
  }

  /** Describes the head's inputs alone, where the gradients have been kept: for {@link #backward(Tensor)}. */
  void inputs(Value x) {
    addParts(x, false);
  }

  /** In as few parts as the logits' memory allows, of about equal size. */
  private void addParts(Value x, boolean compute) {
    int n = chunk.order().length;
    int count = Math.ceilDiv(n, rowsAtOnce);
    for (int i = 0; i < count; i++) {
      parts.add(part(x, (int) ((long) n * i / count), (int) ((long) n * (i + 1) / count), compute));
    }
  }

  private Part part(Value x, int first, int last, boolean compute) {
    int n = last - first;
    int[] rowValues = chunk.rowsOf(first, last);
    Tensor rows = graph.input(TensorType.I32, n);
    int mark = ops.tape().mark();
    Value hidden = transformer.predicting(ops, x, rows);
    if (!compute) {
      return new Part(first, last, rowValues, rows, null, mark, hidden, null, null);
    }
    int[] offsets = new int[n + 1];
    Arrays.setAll(offsets, i -> i);
    float[] ones = new float[n];
    Arrays.fill(ones, 1);
    Targets targets = new Targets(graph, offsets, Arrays.copyOfRange(chunk.targets(), first, last), ones);
    Tensor logits = ops.logits(hidden, transformer.head(ops));
    Tensor logProbs = graph.keep(ops.logProbs(logits, targets));
    Tensor gradient = graph.compute(ops.headGradient(logits, logProbs, transformer.head(ops), targets));
    return new Part(first, last, rowValues, rows, targets, mark, hidden, gradient, logProbs);
  }

  /** Copies the gradients of {@link #forward} to {@code target} [width, predictions]. */
  void keep(Tensor target) {
    for (Part p : parts) {
      graph.compute(graph.copy(p.gradient(), slice(target, p)));
    }
  }

  @Override
  public void backward() {
    backward(null);
  }

  /** The way back from the gradients that {@link #keep} has kept; with null from those of {@link #forward}. */
  void backward(Tensor kept) {
    for (Part p : parts) {
      weights.add(graph.input(TensorType.F32, 1, p.last() - p.first()));
    }
    for (int i = parts.size() - 1; i >= 0; i--) {
      Part p = parts.get(i);
      Tensor gradient = kept == null ? p.gradient() : slice(kept, p);
      ops.tape().give(p.hidden(), graph.mul(gradient, weights.get(i)));
      ops.tape().backward(p.mark());
    }
  }

  private Tensor slice(Tensor all, Part p) {
    return graph.slice(all, p.first() * all.size(0), all.size(0), p.last() - p.first());
  }

  @Override
  public void writeInputs() {
    for (Part p : parts) {
      p.rows().write(p.rowValues());
      if (p.targets() != null) {
        p.targets().write();
      }
    }
  }

  @Override
  public void writeWeights(float[] lossWeights) {
    for (int i = 0; i < parts.size(); i++) {
      weights.get(i).write(Arrays.copyOfRange(lossWeights, parts.get(i).first(), parts.get(i).last()));
    }
  }

  @Override
  public float[] values() {
    return OutputHead.join(chunk.order().length, parts.stream().map(p -> p.logProbs().read()).toList());
  }
}
