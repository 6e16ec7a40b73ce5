package dev.sphere.bindings.llama;

import dev.sphere.base.FreeMemory;
import dev.sphere.base.InsufficientMemoryException;
import java.util.Locale;

/**
 * Memory that a context will take, from the model's header and the context's shape, before anything is allocated.
 *
 * @param cacheBytes the KV cache
 * @param outputBytes logits (and hidden states) of one batch
 * @param computeBytes intermediate results of one micro-batch, an upper estimate
 */
public record MemoryEstimate(long cacheBytes, long outputBytes, long computeBytes) {
  /** Estimates the memory of a context. */
  public static MemoryEstimate of(Model model, ContextOptions options) {
    return of(model, options, false);
  }

  /** @param inGraph with samplers in the graph: llama.cpp then has room for what each could leave of a row */
  static MemoryEstimate of(Model model, ContextOptions options, boolean inGraph) {
    long rows = (long) Math.ceilDiv(options.cells(), 256) * 256; // llama.cpp rounds so
    double cache = rows * cellBytes(model, options.kvType());
    long vocabulary = model.vocabulary().size();
    long outputs = Math.max(options.sequences(), options.microBatch());
    int each = inGraph ? 4 : 1; // logits; what a sampler leaves of them, probabilities, tokens
    long output = each * outputs * vocabulary * Float.BYTES + (options.embeddings() ? outputs * model.width() * 4L : 0);
    long feedForward = model.architectureNumber("feed_forward_length").orElse(4L * model.width());
    long perToken = vocabulary + 4 * feedForward + 12L * model.width() + rows; // F32 values; rows: the mask, both forms
    long compute = options.microBatch() * perToken * Float.BYTES + (16L << 20);
    return new MemoryEstimate((long) cache, output, compute);
  }

  /** Bytes of a token in the KV cache, all layers together. */
  public static double cellBytes(Model model, KvType type) {
    long headWidth =
        model.architectureNumber("attention.key_length").orElse(model.width() / Math.max(1, model.heads()));
    long valueWidth = model.architectureNumber("attention.value_length").orElse(headWidth);
    return (double) model.layers() * model.kvHeads() * (headWidth + valueWidth) * type.bytes;
  }

  public long totalBytes() {
    return cacheBytes + outputBytes + computeBytes;
  }

  /**
   * Refuses what does not fit into the memory that the machine has available now.
   *
   * @param what names the thing, for the message
   */
  public void require(String what) {
    long available = FreeMemory.bytes();
    if (totalBytes() > available) {
      throw new InsufficientMemoryException(
          String.format(
              Locale.ROOT,
              "Not enough memory for %s: it needs %s (KV cache %s, outputs %s, computing %s), %s are available."
                  + " Use a shorter context, fewer sequences or a smaller KV type.",
              what,
              FreeMemory.text(totalBytes()),
              FreeMemory.text(cacheBytes),
              FreeMemory.text(outputBytes),
              FreeMemory.text(computeBytes),
              FreeMemory.text(available)));
    }
  }
}
