package dev.sphere.trainer.model;

import dev.sphere.bindings.Rope;

/**
 * The shape of a qwen2 or llama model.
 *
 * @param name general.architecture: qwen2 or llama
 * @param layers number of transformer blocks
 * @param width of the residual stream
 * @param heads query heads
 * @param kvHeads key and value heads; divides heads
 * @param headSize dimensions of a head
 * @param feedForward width of the feed-forward part
 * @param vocabulary number of tokens
 * @param epsilon of the RMS norms
 * @param rope rotary embedding
 */
public record Architecture(
    String name,
    int layers,
    int width,
    int heads,
    int kvHeads,
    int headSize,
    int feedForward,
    int vocabulary,
    float epsilon,
    Rope rope) {
  public Architecture {
    if (!name.equals("qwen2") && !name.equals("llama")) {
      throw new IllegalArgumentException("training the architecture " + name + " is not supported; qwen2 and llama are");
    }
    if (layers < 1 || heads < 1 || kvHeads < 1 || heads % kvHeads != 0) {
      throw new IllegalArgumentException(layers + " layers, " + heads + " heads, " + kvHeads + " kv heads: no such model");
    }
  }
}
