package dev.sphere.gguf.model;

/**
 * The head of a process reward model, with its weights: score = softmax(W2 relu(W1 h + b1) + b2), class 1. Immutable
 * and thread-safe.
 */
public final class PrmHead {
  private final int width;
  private final float[] weight; // [width outputs][width inputs]
  private final float[] bias;
  private final float[] outWeight; // [2][width]
  private final float[] outBias;

  private PrmHead(int width, float[] weight, float[] bias, float[] outWeight, float[] outBias) {
    this.width = width;
    this.weight = weight;
    this.bias = bias;
    this.outWeight = outWeight;
    this.outBias = outBias;
  }

  /** Reads the head of a file whose tensors were checked when it was opened. */
  public static PrmHead of(GgufFile file) {
    return new PrmHead(file.shape().width(), file.readFloats("cls.weight"), file.readFloats("cls.bias"),
        file.readFloats("cls.output.weight"), file.readFloats("cls.output.bias"));
  }

  /** The probability in [0, 1] that the step is good, from the final hidden state at its end. Sums are in double. */
  public double score(float[] hidden) {
    if (hidden.length != width) {
      throw new IllegalArgumentException("a hidden state of " + hidden.length + " elements, expected " + width);
    }
    double bad = outBias[0];
    double good = outBias[1];
    for (int i = 0; i < width; i++) {
      double sum = bias[i];
      for (int j = 0; j < width; j++) {
        sum += (double) weight[i * width + j] * hidden[j];
      }
      if (sum > 0) {
        bad += outWeight[i] * sum;
        good += outWeight[width + i] * sum;
      }
    }
    return 1 / (1 + Math.exp(bad - good));
  }
}
