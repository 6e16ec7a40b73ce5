package dev.sphere.bindings.llama;

import dev.sphere.base.InsufficientMemoryException;
import dev.sphere.bindings.load.LlamaException;
import dev.sphere.bindings.tensor.NativeFloats;
import java.util.List;

/**
 * A model's KV cache and what computes on it: llama.cpp's {@link Context}, or the {@link TreeDecoder} of small models.
 * Both give a token the same outputs whatever shares the batch and the cache.
 *
 * <p>Belongs to the thread that made it: every call from another thread, close included, throws
 * {@link WrongThreadException}. Closing frees the native memory, before that of the model; closing twice is harmless.
 */
public interface Decoder extends AutoCloseable {
  /**
   * The one that is used for this model: everything that is computed with a model goes through here, so that the same
   * tokens get the same bits in rollouts, scoring and probing.
   *
   * @param adapter null for the bare model
   * @throws InsufficientMemoryException when its memory would not fit, with the numbers
   * @throws LlamaException when llama.cpp refuses
   */
  static Decoder open(Model model, Adapter adapter, ContextOptions options) {
    Decoder decoder = TreeDecoder.supports(model, adapter, options)
        ? TreeDecoder.open(model, options) : Context.keepingLogits(model, options);
    try {
      if (adapter != null) {
        decoder.useAdapters(List.of(adapter));
      }
      return decoder;
    } catch (Throwable e) {
      decoder.close();
      throw e;
    }
  }

  Model model();

  ContextOptions options();

  /** Tokens that the cache really holds; at least what was asked for. */
  int cells();

  /**
   * Computes a batch and adds it to the cache. Afterwards {@link #logits()} holds a row for each token that wanted one.
   *
   * @throws LlamaException when the cache has no room for it (nothing is changed then) or the computation fails
   */
  void decode(Batch batch);

  /**
   * The logits of the last decode, in native memory, or in the device's: one row of {@code vocabulary} floats for each
   * output, in the batch's order. Valid until the next decode or close, which close it.
   */
  NativeFloats logits();

  /** The same of the final hidden states: a row of {@link Model#width} floats for each output. */
  NativeFloats embeddings();

  /** Makes {@code to} share the cells of {@code from} at positions [{@code start}, {@code end}); -1: without limit. */
  void copySequence(int from, int to, int start, int end);

  /**
   * Takes positions [{@code start}, {@code end}) out of a sequence; -1: without limit. Cells that nobody holds are
   * free.
   */
  void removeSequence(int sequence, int start, int end);

  /** Frees the whole cache. */
  void clear();

  /** Highest position of a sequence in the cache, -1 when it has none. */
  int lastPosition(int sequence);

  /**
   * Moves all occupied cells to the front of the cache without changing their order or their numbers; sequences keep
   * what they share.
   */
  void compact();

  /** Uses these adapters from the next decode on; none: the bare model. What is in the cache stays as computed. */
  void useAdapters(List<Adapter> adapters);

  @Override
  void close();
}
