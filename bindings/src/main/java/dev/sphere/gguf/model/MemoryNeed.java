package dev.sphere.gguf.model;

import dev.sphere.gguf.GgufTensor;

/**
 * The memory that a model and one context of it take, in bytes, estimated before either is loaded.
 *
 * @param weights of the model, as they lie in the file
 * @param cache keys and values of all the context's cells
 * @param compute the largest intermediate results of one batch, logits included
 */
public record MemoryNeed(long weights, long cache, long compute) {
  public long total() {
    return weights + cache + compute;
  }

  /**
   * The need on the CPU backend.
   *
   * @param tokens cells of the context
   * @param cacheBytes a number in the cache: 4 for F32, 2 for F16
   * @param batch tokens that are computed at once (n_ubatch)
   */
  public static MemoryNeed of(GgufFile file, long tokens, int cacheBytes, int batch) {
    ModelShape shape = file.shape();
    long weights = file.tensors().values().stream().mapToLong(GgufTensor::byteSize).sum();
    // Upper estimate of what is alive at once, in F32 numbers a token: the logits twice (computed, copied out), the
    // feed-forward layer's halves, projections and residuals, the attention's mask.
    long perToken = 2L * shape.vocabulary() + 4L * shape.feedForward() + 12L * shape.width() + tokens;
    long compute = Float.BYTES * batch * perToken + (16L << 20);
    return new MemoryNeed(weights, shape.kvBytes(tokens, cacheBytes), compute);
  }
}
