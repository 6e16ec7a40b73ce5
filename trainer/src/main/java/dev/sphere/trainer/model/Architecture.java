package dev.sphere.trainer.model;

import dev.sphere.bindings.tensor.Rope;
import java.util.List;

/**
 * The shape of a qwen2, qwen3, llama or phi3 model.
 *
 * @param name general.architecture: qwen2, qwen3 (norms on queries and keys), llama or phi3 (fused projections)
 * @param layers transformer blocks
 * @param width of the residual stream
 * @param heads query heads
 * @param kvHeads key and value heads; divides heads
 * @param headSize dimensions of a head
 * @param feedForward width of the feed-forward part
 * @param vocabulary tokens
 * @param epsilon of the RMS norms
 * @param rope rotary embedding
 */
public record Architecture(
    String name, int layers, int width, int heads, int kvHeads, int headSize, int feedForward, int vocabulary,
    float epsilon, Rope rope) {
  private static final List<String> SUPPORTED = List.of("llama", "phi3", "qwen2", "qwen3");

  public Architecture {
    if (!SUPPORTED.contains(name)) {
      throw new IllegalArgumentException(
          "training the architecture " + name + " is not supported (" + String.join(", ", SUPPORTED) + " are)");
    }
  }

  /** Rows of the query projection. */
  int queryWidth() {
    return heads * headSize;
  }

  /** Rows of the key projection, and of the value projection. */
  int kvWidth() {
    return kvHeads * headSize;
  }

  /** Whether each head's queries and keys are normalised before the rotary embedding. */
  boolean headNorms() {
    return name.equals("qwen3");
  }

  /** Whether ffn_up holds the rows of the gate above those of up. */
  boolean fusedGate() {
    return name.equals("phi3");
  }
}
