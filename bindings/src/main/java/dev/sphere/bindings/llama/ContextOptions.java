package dev.sphere.bindings.llama;

import dev.sphere.bindings.device.Device;
import dev.sphere.bindings.kernel.AttentionKernel;
import dev.sphere.bindings.tensor.Backend;

/**
 * Shape of a context.
 *
 * @param cells tokens that the KV cache holds, all sequences together; llama.cpp rounds up to a multiple of 256
 * @param batch most tokens of one {@link Context#decode}; at least {@code sequences}
 * @param microBatch most tokens that are computed together (llama.cpp's ubatch); a batch is cut into pieces of this
 * size
 * @param sequences sequences that can live at once, 1 to 256
 * @param threads threads that compute, 1 to 512
 * @param unified true: one cache for all sequences, so that they share prefixes; false: one stream a sequence
 * @param flashAttention fused attention; needed for results that do not depend on a token's place in the cache
 * @param kvType number format of the cache
 * @param embeddings true: decode also yields the final hidden states of all tokens
 */
public record ContextOptions(int cells, int batch, int microBatch, int sequences, int threads, boolean unified,
    boolean flashAttention, KvType kvType, boolean embeddings) {
  /** llama.cpp's limit on sequences. */
  public static final int MAX_SEQUENCES = 256;

  /**
   * Largest micro-batch in which a token's logits do not depend on what shares it: 128, which is as far as we use it,
   * or 63 where ggml's own attention computes (from 64 tokens on it works in tiles that lie elsewhere in each batch).
   */
  public static final int INVARIANT_MICRO_BATCH = AttentionKernel.installed() ? 128 : 63;

  /**
   * Most tokens of a micro-batch in decode loops. On the CPU as many as leave a token's logits independent of what
   * shares the batch; ggml's CUDA kernels differ with the batch in any case, and read the weights once for all of it.
   */
  public static int decodeMicroBatch() {
    return Device.current().computesOnCores() ? INVARIANT_MICRO_BATCH : 512;
  }

  public ContextOptions {
    if (threads > Backend.MAX_THREADS) {
      throw new IllegalArgumentException("threads must be 1 to " + Backend.MAX_THREADS + ": " + threads);
    }
    if (cells < 1 || microBatch < 1 || threads < 1) {
      throw new IllegalArgumentException(
          "cells, microBatch and threads must be positive: " + cells + ", " + microBatch + ", " + threads);
    }
    if (sequences < 1 || sequences > MAX_SEQUENCES) {
      throw new IllegalArgumentException("sequences must be 1 to " + MAX_SEQUENCES + ": " + sequences);
    }
    if (batch < sequences || batch < microBatch) {
      // llama.cpp aborts the process when a batch cannot hold one output a sequence.
      throw new IllegalArgumentException(
          "batch " + batch + " is smaller than sequences " + sequences + " or microBatch " + microBatch);
    }
  }

  /** Shared cache, batch-invariant: flash attention, F16 cache, {@link #INVARIANT_MICRO_BATCH}. */
  public static ContextOptions invariant(int cells, int sequences, int threads) {
    return new ContextOptions(cells, Math.max(sequences, INVARIANT_MICRO_BATCH), INVARIANT_MICRO_BATCH, sequences,
        threads, true, true, KvType.F16, false);
  }

  /** Refuses a sequence that a context of this shape does not have. */
  void checkSequence(int sequence) {
    if (sequence < 0 || sequence >= sequences) {
      throw new IllegalArgumentException("sequence " + sequence + ": 0 to " + (sequences - 1) + " are possible");
    }
  }
}
