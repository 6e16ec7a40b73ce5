package dev.sphere.trainer.model;

import dev.sphere.bindings.tensor.Graph;
import dev.sphere.bindings.tensor.Tensor;
import dev.sphere.bindings.tensor.TensorType;
import dev.sphere.trainer.autodiff.Ops;
import dev.sphere.trainer.autodiff.Value;

/** The reward head over all predictions: logits [2, predictions] of bad and good; their gradient is an input. */
final class RewardHead implements OutputHead {
  private final Ops ops;
  private final Graph graph;
  private final Transformer transformer;
  private final Chunk chunk;
  private final int predictions;
  private int mark;
  private Tensor rows;
  private Value logits;
  private Tensor gradient;

  RewardHead(Ops ops, Transformer transformer, Chunk chunk) {
    this.ops = ops;
    this.graph = ops.tape().graph();
    this.transformer = transformer;
    this.chunk = chunk;
    this.predictions = chunk.order().length;
  }

  @Override
  public void forward(Value x) {
    rows = graph.input(TensorType.I32, predictions);
    mark = ops.tape().mark();
    logits = transformer.rewardLogits(ops, transformer.predicting(ops, x, rows));
    graph.keep(logits.tensor());
    gradient = graph.input(TensorType.F32, 2, predictions);
  }

  @Override
  public void backward() {
    ops.tape().give(logits, gradient);
    ops.tape().backward(mark);
  }

  @Override
  public void writeInputs() {
    rows.write(chunk.rowsOf(0, predictions));
  }

  @Override
  public void writeWeights(float[] lossWeights) {
    float[] both = new float[2 * predictions];
    for (int i = 0; i < predictions; i++) {
      both[2 * i] = -lossWeights[i];
      both[2 * i + 1] = lossWeights[i];
    }
    gradient.write(both);
  }

  @Override
  public float[] values() {
    float[] both = logits.tensor().read();
    float[] all = new float[predictions];
    for (int i = 0; i < predictions; i++) {
      all[i] = both[2 * i + 1] - both[2 * i];
    }
    return all;
  }
}
