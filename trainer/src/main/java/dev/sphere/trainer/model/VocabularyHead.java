package dev.sphere.trainer.model;

import dev.sphere.bindings.tensor.Graph;
import dev.sphere.bindings.tensor.Tensor;
import dev.sphere.bindings.tensor.TensorType;
import dev.sphere.bindings.tensor.TransformerOps;
import dev.sphere.trainer.autodiff.Ops;
import dev.sphere.trainer.autodiff.Targets;
import dev.sphere.trainer.autodiff.Value;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The language model's head: each predicting row's logits once, a part of the rows after the other. */
final class VocabularyHead implements OutputHead {

  /** Predictions {@code first .. last}: those of some rows, whose logits exist at once. */
  private record Part(
      int first, int last, int[] rowValues, Tensor rows, Targets targets, int mark, Value hidden, Tensor logits,
      Tensor logProbs) {}

  private final Ops ops;
  private final Graph graph;
  private final Transformer transformer;
  private final Chunk chunk;
  private final int rowsAtOnce;
  private final List<Part> parts = new ArrayList<>();
  private final List<Tensor> collisions = new ArrayList<>();

  VocabularyHead(Ops ops, Transformer transformer, Chunk chunk, int rowsAtOnce) {
    this.ops = ops;
    this.graph = ops.tape().graph();
    this.transformer = transformer;
    this.chunk = chunk;
    this.rowsAtOnce = rowsAtOnce;
  }

  @Override
  public void forward(Value x) {
    for (int from = 0; from < chunk.rows().length; from += rowsAtOnce) {
      add(x, from, null);
    }
  }

  /** Describes log Σ p² of every predicting row. */
  void forwardCollisions(Value x) {
    for (int from = 0; from < chunk.rows().length; from += rowsAtOnce) {
      Part part = add(x, from, null);
      Tensor p = new TransformerOps(graph).softMax(part.logits(), null, 1);
      collisions.add(graph.keep(graph.log(graph.sumRows(graph.mul(p, p)))));
    }
  }

  /** In the chunk's order: each prediction has its row's. */
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

  @Override
  public void backward() {
    for (int i = parts.size() - 1; i >= 0; i--) {
      backward(parts.get(i));
    }
  }

  /** One part after the other, so that only one part's logits exist. */
  @Override
  public void forwardAndBackward(Value x, float[] lossWeights) {
    for (int from = 0; from < chunk.rows().length; from += rowsAtOnce) {
      backward(add(x, from, lossWeights));
    }
  }

  private Part add(Value x, int from, float[] lossWeights) {
    int to = Math.min(chunk.rows().length, from + rowsAtOnce);
    int first = chunk.offsets()[from];
    int last = chunk.offsets()[to];
    int[] offsets = Arrays.copyOfRange(chunk.offsets(), from, to + 1);
    for (int i = 0; i < offsets.length; i++) {
      offsets[i] -= first;
    }
    float[] weights = lossWeights == null ? null : Arrays.copyOfRange(lossWeights, first, last);
    Targets targets = new Targets(graph, offsets, Arrays.copyOfRange(chunk.targets(), first, last), weights);
    Tensor rows = graph.input(TensorType.I32, to - from);
    int mark = ops.tape().mark();
    Value hidden = transformer.predicting(ops, x, rows);
    Tensor logits = ops.logits(hidden, transformer.head(ops));
    Tensor logProbs = graph.keep(ops.logProbs(logits, targets));
    int[] rowValues = Arrays.copyOfRange(chunk.rows(), from, to);
    Part part = new Part(first, last, rowValues, rows, targets, mark, hidden, logits, logProbs);
    parts.add(part);
    return part;
  }

  private void backward(Part p) {
    ops.logProbsBackward(p.logits(), p.logProbs(), p.hidden(), transformer.head(ops), p.targets());
    ops.tape().backward(p.mark());
  }

  @Override
  public void writeInputs() {
    for (Part p : parts) {
      p.rows().write(p.rowValues());
      p.targets().write();
    }
  }

  @Override
  public void writeWeights(float[] lossWeights) {
    for (Part p : parts) {
      p.targets().writeWeights(Arrays.copyOfRange(lossWeights, p.first(), p.last()));
    }
  }

  @Override
  public float[] values() {
    return OutputHead.join(chunk.order().length, parts.stream().map(p -> p.logProbs().read()).toList());
  }
}
