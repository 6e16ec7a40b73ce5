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
import java.util.stream.IntStream;

/**
 * The language model's head. It takes the predictions in parts, so that only one part's logits exist at once.
 *
 * <p>A trained head computes the logits of each predicting row once. A frozen head computes with each log-probability
 * its gradient by the head's input, as if its weight in the loss were 1; the backward pass multiplies that gradient
 * by the weight. So the logits, by far the largest product of a small model, are neither kept nor computed twice, and
 * the gradients can be kept between two graphs.
 */
final class VocabularyHead implements OutputHead {
  /**
   * The predictions {@code first .. last}. A frozen head has a row for each prediction, so that a row after which the
   * tree branches comes several times.
   *
   * @param gradient of each log-probability by its row; for a frozen head only
   */
  private record Part(
      int first, int last, int[] rowValues, Tensor rows, Targets targets, int mark, Value hidden, Tensor logits,
      Tensor logProbs, Tensor gradient) {}

  private final Ops ops;
  private final Graph graph;
  private final Transformer transformer;
  private final Chunk chunk;
  private final int rowsAtOnce;
  private final boolean frozen;
  private final List<Part> parts = new ArrayList<>();
  private final List<Tensor> weights = new ArrayList<>(); // one for each part of a frozen head
  private final List<Tensor> collisions = new ArrayList<>();

  VocabularyHead(Ops ops, Transformer transformer, Chunk chunk, int rowsAtOnce, boolean frozen) {
    this.ops = ops;
    this.graph = ops.tape().graph();
    this.transformer = transformer;
    this.chunk = chunk;
    this.rowsAtOnce = rowsAtOnce;
    this.frozen = frozen;
  }

  @Override
  public void forward(Value x) {
    if (frozen) {
      addFrozen(x, true);
    } else {
      for (int from = 0; from < chunk.rows().length; from += rowsAtOnce) {
        addTrained(x, from, null);
      }
    }
  }

  /** Adds a frozen head's inputs without its values, before {@link #backward(Tensor)} from kept gradients. */
  void inputs(Value x) {
    addFrozen(x, false);
  }

  /** Adds the nodes of log Σ p² of every predicting row. */
  void forwardCollisions(Value x) {
    for (int from = 0; from < chunk.rows().length; from += rowsAtOnce) {
      Part part = addTrained(x, from, null);
      Tensor p = graph.softMax(part.logits());
      collisions.add(graph.keep(graph.log(graph.sumRows(graph.mul(p, p)))));
    }
  }

  /** log Σ p² of each prediction's row, in the chunk's order. */
  float[] collisions() {
    float[] all = new float[chunk.order().length];
    for (int from = 0; from < chunk.rows().length; from += rowsAtOnce) {
      float[] rows = collisions.get(from / rowsAtOnce).read();
      for (int r = 0; r < rows.length; r++) {
        Arrays.fill(all, chunk.offsets()[from + r], chunk.offsets()[from + r + 1], rows[r]);
      }
    }
    return all;
  }

  /** Adds a frozen head's predictions in as few parts of about equal size as the logits' memory allows. */
  private void addFrozen(Value x, boolean compute) {
    int n = chunk.order().length;
    int count = Math.ceilDiv(n, rowsAtOnce);
    for (int i = 0; i < count; i++) {
      int first = (int) ((long) n * i / count);
      int last = (int) ((long) n * (i + 1) / count);
      float[] ones = new float[last - first];
      Arrays.fill(ones, 1);
      int[] each = IntStream.rangeClosed(0, last - first).toArray();
      add(x, first, last, chunk.rowsOf(first, last), each, ones, compute);
    }
  }

  /** Adds the predictions of a trained head's rows from {@code from} on. */
  private Part addTrained(Value x, int from, float[] lossWeights) {
    int to = Math.min(chunk.rows().length, from + rowsAtOnce);
    int first = chunk.offsets()[from];
    int last = chunk.offsets()[to];
    int[] offsets = IntStream.rangeClosed(from, to).map(i -> chunk.offsets()[i] - first).toArray();
    float[] known = lossWeights == null ? null : Arrays.copyOfRange(lossWeights, first, last);
    return add(x, first, last, Arrays.copyOfRange(chunk.rows(), from, to), offsets, known, true);
  }

  private Part add(Value x, int first, int last, int[] rowValues, int[] offsets, float[] lossWeights, boolean compute) {
    Tensor rows = graph.input(TensorType.I32, rowValues.length);
    int mark = ops.tape().mark();
    Value hidden = transformer.predicting(ops, x, rows);
    Targets targets = null;
    Tensor logits = null;
    Tensor logProbs = null;
    Tensor gradient = null;
    if (compute) {
      Value head = transformer.head(ops);
      targets = new Targets(graph, offsets, Arrays.copyOfRange(chunk.targets(), first, last), lossWeights);
      logits = ops.logits(hidden, head);
      logProbs = graph.keep(ops.logProbs(logits, targets));
      gradient = frozen ? graph.compute(ops.headGradient(logits, logProbs, head, targets)) : null;
    }
    Part part = new Part(first, last, rowValues, rows, targets, mark, hidden, logits, logProbs, gradient);
    parts.add(part);
    return part;
  }

  /** Copies the gradients of a frozen head's {@link #forward} to {@code target} [width, predictions]. */
  void keep(Tensor target) {
    for (Part p : parts) {
      graph.compute(graph.copy(p.gradient(), slice(target, p)));
    }
  }

  @Override
  public void backward() {
    if (frozen) {
      backward((Tensor) null);
    } else {
      parts.reversed().forEach(this::backward);
    }
  }

  /**
   * Adds a frozen head's backward pass from the gradients of {@link #keep}; for null from those of {@link #forward}.
   */
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

  private void backward(Part p) {
    ops.logProbsBackward(p.logits(), p.logProbs(), p.hidden(), transformer.head(ops), p.targets());
    ops.tape().backward(p.mark());
  }

  @Override
  public void forwardAndBackward(Value x, float[] lossWeights) {
    for (int from = 0; from < chunk.rows().length; from += rowsAtOnce) {
      backward(addTrained(x, from, lossWeights));
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
      Part p = parts.get(i);
      float[] own = Arrays.copyOfRange(lossWeights, p.first(), p.last());
      if (frozen) {
        weights.get(i).write(own);
      } else {
        p.targets().writeWeights(own);
      }
    }
  }

  @Override
  public float[] values() {
    return OutputHead.join(chunk.order().length, parts.stream().map(p -> p.logProbs().read()).toList());
  }
}
