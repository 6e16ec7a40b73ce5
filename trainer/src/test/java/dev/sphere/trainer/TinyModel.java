package dev.sphere.trainer;

import dev.sphere.bindings.tensor.NativeFloats;
import java.util.List;
import java.util.Random;

/**
 * A model for tests in plain Java, with exact gradients. The state of a token depends on its whole path and its
 * position: {@code h = h_parent / 2 + E[token] + position / 100}; logits are {@code W h}, plus {@code D h} when an
 * adapter is on. Without adapter E and W are trained, with one D alone.
 */
public final class TinyModel implements TrainableModel {
  private final int vocab;
  private final int width;
  private final boolean adapter;
  private final NativeFloats embedding;
  private final NativeFloats output;
  private final NativeFloats delta;
  private final List<Parameter> parameters;
  private Distributions seen;

  /** Forward passes so far, of the policy and of the reference. */
  public int policyForwards;

  public int referenceForwards;

  public TinyModel(int vocab, int width, long seed, boolean adapter) {
    this.vocab = vocab;
    this.width = width;
    this.adapter = adapter;
    Random random = new Random(seed);
    embedding = random(random, vocab * width);
    output = random(random, vocab * width);
    delta = NativeFloats.allocate((long) vocab * width);
    long[] shape = {width, vocab};
    parameters = adapter
        ? List.of(new Parameter("delta.weight", shape, delta, NativeFloats.allocate(delta.size()), true))
        : List.of(
            new Parameter("token_embd.weight", shape, embedding, NativeFloats.allocate(embedding.size()), true),
            new Parameter("output.weight", shape, output, NativeFloats.allocate(output.size()), false));
  }

  private static NativeFloats random(Random random, int n) {
    NativeFloats x = NativeFloats.allocate(n);
    for (int i = 0; i < n; i++) {
      x.set(i, (float) (0.3 * random.nextGaussian()));
    }
    return x;
  }

  @Override
  public float[] logProbs(PackedBatch batch, boolean reference) {
    if (reference && !adapter) {
      throw new UnsupportedOperationException("full fine-tuning keeps no reference");
    }
    if (reference) {
      referenceForwards++;
    } else {
      policyForwards++;
    }
    return pass(batch, null, !reference);
  }

  /** The state after each slot's token, by the slot's whole path. */
  private double[] state(PackedBatch b, int slot) {
    double[] h = new double[width];
    int parent = b.parents()[slot] == PackedBatch.ROOT ? -1 : slot / b.slots() * b.slots() + b.parents()[slot];
    double[] before = parent < 0 ? new double[width] : state(b, parent);
    for (int k = 0; k < width; k++) {
      h[k] = 0.5 * before[k] + embedding.get((long) b.tokens()[slot] * width + k) + b.positions()[slot] * 0.01;
    }
    return h;
  }

  @Override
  public float[] logCollisions(PackedBatch batch) {
    float[] result = new float[batch.predictions()];
    for (int i = 0; i < result.length; i++) {
      double sum = 0;
      for (double p : softmax(state(batch, batch.sources()[i]), true)) {
        sum += p * p;
      }
      result[i] = (float) Math.log(sum);
    }
    return result;
  }

  @Override
  public float[] backward(PackedBatch batch, float[] weights) {
    return pass(batch, weights, true);
  }

  private float[] pass(PackedBatch b, float[] weights, boolean policy) {
    double[][] h = new double[b.tokens().length][];
    for (int s = 0; s < h.length; s++) {
      if (b.parents()[s] == PackedBatch.UNUSED) {
        continue;
      }
      h[s] = new double[width];
      int parent = b.parents()[s] == PackedBatch.ROOT ? -1 : s / b.slots() * b.slots() + b.parents()[s];
      for (int k = 0; k < width; k++) {
        h[s][k] = (parent < 0 ? 0 : 0.5 * h[parent][k])
            + embedding.get((long) b.tokens()[s] * width + k)
            + b.positions()[s] * 0.01;
      }
    }
    double[][] dh = new double[h.length][width];
    float[] logProbs = new float[b.predictions()];
    seen = policy ? new Distributions(logProbs.length) : seen;
    for (int i = 0; i < logProbs.length; i++) {
      double[] state = h[b.sources()[i]];
      double[] p = softmax(state, policy);
      logProbs[i] = (float) Math.log(p[b.targets()[i]]);
      if (policy) {
        see(i, logits(state, true), p, b.targets()[i]);
      }
      for (int v = 0; weights != null && v < vocab; v++) {
        double d = weights[i] * ((v == b.targets()[i] ? 1 : 0) - p[v]);
        for (int k = 0; k < width; k++) {
          addGradient(adapter ? 0 : 1, (long) v * width + k, d * state[k]);
          dh[b.sources()[i]][k] += d * output.get((long) v * width + k);
        }
      }
    }
    for (int s = h.length - 1; s >= 0 && weights != null && !adapter; s--) {
      for (int k = 0; h[s] != null && k < width; k++) {
        addGradient(0, (long) b.tokens()[s] * width + k, dh[s][k]);
        if (b.parents()[s] >= 0) {
          dh[s / b.slots() * b.slots() + b.parents()[s]][k] += 0.5 * dh[s][k];
        }
      }
    }
    return logProbs;
  }

  private void addGradient(int parameter, long index, double value) {
    NativeFloats g = parameters.get(parameter).gradient();
    g.set(index, (float) (g.get(index) + value));
  }

  private void see(int i, double[] logits, double[] p, int target) {
    double entropy = 0;
    double sum = 0;
    int top = 0;
    for (int v = 0; v < vocab; v++) {
      entropy -= p[v] * Math.log(p[v]);
      sum += logits[v];
      top = p[v] > p[top] ? v : top;
    }
    seen.entropies()[i] = (float) entropy;
    seen.meanLogits()[i] = (float) (sum / vocab);
    seen.tops()[i] = top == target;
  }

  @Override
  public Distributions distributions() {
    return seen;
  }

  /** The policy's logits after these tokens. */
  public double[] logitsAfter(int... tokens) {
    double[] h = new double[width];
    for (int t = 0; t < tokens.length; t++) {
      for (int k = 0; k < width; k++) {
        h[k] = 0.5 * h[k] + embedding.get((long) tokens[t] * width + k) + t * 0.01;
      }
    }
    return logits(h, true);
  }

  private double[] logits(double[] h, boolean policy) {
    double[] z = new double[vocab];
    for (int v = 0; v < vocab; v++) {
      for (int k = 0; k < width; k++) {
        long at = (long) v * width + k;
        z[v] += h[k] * (output.get(at) + (policy && adapter ? delta.get(at) : 0));
      }
    }
    return z;
  }

  private double[] softmax(double[] h, boolean policy) {
    double[] z = logits(h, policy);
    double max = Double.NEGATIVE_INFINITY;
    for (double logit : z) {
      max = Math.max(max, logit);
    }
    double sum = 0;
    for (int v = 0; v < vocab; v++) {
      z[v] = Math.exp(z[v] - max);
      sum += z[v];
    }
    for (int v = 0; v < vocab; v++) {
      z[v] /= sum;
    }
    return z;
  }

  @Override
  public List<Parameter> parameters() {
    return parameters;
  }

  @Override
  public void close() {
    for (Parameter p : parameters) {
      p.gradient().close();
    }
    embedding.close();
    output.close();
    delta.close();
  }
}
