package dev.sphere.bindings;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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
    long headWidth =
        model.architectureNumber("attention.key_length").orElse(model.width() / Math.max(1, model.heads()));
    long valueWidth = model.architectureNumber("attention.value_length").orElse(headWidth);
    long rows = (long) Math.ceilDiv(options.cells(), 256) * 256; // llama.cpp rounds so
    double cache =
        (double) rows * model.layers() * model.kvHeads() * (headWidth + valueWidth) * options.kvType().bytes();
    long vocabulary = model.vocabulary().size();
    long outputs = Math.max(options.sequences(), options.microBatch());
    int each = inGraph ? 4 : 1; // logits; what a sampler leaves of them, probabilities, tokens
    long output = each * outputs * vocabulary * Float.BYTES + (options.embeddings() ? outputs * model.width() * 4L : 0);
    long feedForward = model.architectureNumber("feed_forward_length").orElse(4L * model.width());
    long perToken = vocabulary + 4 * feedForward + 12L * model.width() + rows; // F32 values; rows: the mask, both forms
    long compute = options.microBatch() * perToken * Float.BYTES + (16L << 20);
    return new MemoryEstimate((long) cache, output, compute);
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
    long available = availableBytes();
    if (totalBytes() > available) {
      throw new InsufficientMemoryException(
          String.format(
              Locale.ROOT,
              "Not enough memory for %s: it needs %s (KV cache %s, outputs %s, computing %s), %s are available."
                  + " Use a shorter context, fewer sequences or a smaller KV type.",
              what,
              text(totalBytes()),
              text(cacheBytes),
              text(outputBytes),
              text(computeBytes),
              text(available)));
    }
  }

  /** Refuses a model file that is larger than the available memory. */
  static void requireModel(Path path) {
    try {
      long size = Files.size(path);
      long available = availableBytes();
      if (size > available) {
        throw new InsufficientMemoryException(
            "Not enough memory for the model " + path + ": its weights need " + text(size) + ", " + text(available)
                + " are available. Use a smaller or a more strongly quantised model.");
      }
    } catch (IOException e) {
      throw new LlamaException("Cannot read the size of " + path + ": " + e.getMessage() + ". Check the file.");
    }
  }

  /** Bytes that can be taken without swapping (Linux: MemAvailable); unlimited where the system does not say. */
  public static long availableBytes() {
    Path info = Path.of("/proc/meminfo");
    if (Files.isReadable(info)) {
      try (var lines = Files.lines(info)) {
        return lines
            .filter(line -> line.startsWith("MemAvailable:"))
            .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")) << 10)
            .findFirst()
            .orElse(Long.MAX_VALUE);
      } catch (IOException | java.io.UncheckedIOException | NumberFormatException e) {
        return Long.MAX_VALUE; // a guard that cannot be read must not stop the work
      }
    }
    return Long.MAX_VALUE;
  }

  static String text(long bytes) {
    return bytes >= 1L << 30
        ? String.format(Locale.ROOT, "%.1f GiB", bytes / (double) (1L << 30))
        : String.format(Locale.ROOT, "%.1f MiB", bytes / (double) (1L << 20));
  }
}
