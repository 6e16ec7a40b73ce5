package dev.sphere.trainer.autodiff;

import dev.sphere.bindings.tensor.Tensor;

/** The operations of a transformer, with derivatives. N is the number of token slots. */
public interface Ops {
  /** Makes the operations of a graph. */
  interface Factory {
    /** @param halfActivations whether activations that are kept for the backward pass may be BF16 */
    Ops of(Tape tape, MatmulPrecision products, boolean halfActivations);
  }

  Tape tape();

  /** weight [in, out] of any type, x [in, N] to [out, N]. */
  Value linear(Value weight, Value x);

  /** y + weight · x. Overwrites y's memory, so nothing else may read y. */
  Value addLinear(Value y, Value weight, Value x);

  /** a + b, with b repeated to a's shape (a bias [out] on [out, N]). */
  Value add(Value a, Value b);

  /** a ⊙ b, with b repeated to a's shape. */
  Value mul(Value a, Value b);

  /** a / constant, element by element; no derivative is taken of the constant. */
  Value divide(Value a, Tensor constant);

  /** factor · a. */
  Value scale(Value a, float factor);

  /** max(0, a); derivative 0 at 0. */
  Value relu(Value a);

  Value reshape(Value a, long... shape);

  /** x [width, N] divided by its rows' root mean square, times weight [width]. */
  Value rmsNorm(Value x, Value weight, float eps);

  /**
   * Causal attention within each tree, after rotary embedding of queries and keys.
   *
   * @param q [head size · heads, N]
   * @param k [head size · kv heads, N]
   * @param v [head size · kv heads, N]
   * @return [head size · heads, N]
   */
  Value attention(Value q, Value k, Value v, Geometry geometry);

  /** silu(gate) ⊙ up. */
  Value swiglu(Value gate, Value up);

  /** Rows of x [width, M] by an I32 vector, as [width, count]. */
  Value rows(Value x, Tensor indices);

  /** weight [width, vocabulary] · hidden [width, R]: not recorded on the tape, see {@link #logProbsBackward}. */
  Tensor logits(Value hidden, Value weight);

  /**
   * Log-probabilities of targets under softmax(logits), in the targets' order: [count], or [count, 4] with the facts
   * of the distribution that {@link dev.sphere.bindings.tensor.TrainingKernels#logProbs} adds.
   */
  Tensor logProbs(Tensor logits, Targets targets);

  /**
   * The gradient [width, count] of each log-probability by its hidden row, for a frozen weight and targets with one
   * target in each row, of weight 1. Overwrites the logits' memory.
   */
  Tensor headGradient(Tensor logits, Tensor logProbs, Value weight, Targets targets);

  /**
   * The backward pass of sum_i weights[i] · logProb[i] into hidden and weight. Overwrites the logits' memory.
   */
  void logProbsBackward(Tensor logits, Tensor logProbs, Value hidden, Value weight, Targets targets);
}
