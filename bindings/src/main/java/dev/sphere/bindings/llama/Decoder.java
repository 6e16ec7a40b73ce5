package dev.sphere.bindings.llama;

import dev.sphere.base.InsufficientMemoryException;
import dev.sphere.bindings.load.LlamaException;
import dev.sphere.bindings.load.NativeCall;
import dev.sphere.bindings.tensor.NativeFloats;
import java.util.List;

/**
 * A model's KV cache and what computes on it: llama.cpp's {@link Context}, or the {@link TreeDecoder} of small models.
 * Both give a token the same outputs whatever shares the batch and the cache.
 *
 * <p>Belongs to the thread that made it: every call from another thread, close included, throws
 * {@link WrongThreadException}. Closing frees the native memory, before that of the model; closing twice is harmless.
 */
public abstract class Decoder implements AutoCloseable {
  /** Views of what the last decode computed. */
  final DecodeOutputs outputs = new DecodeOutputs();

  private final Thread owner = Thread.currentThread();
  private final Model model;
  private final ContextOptions options;
  private boolean closed;

  /** A decoder of a retained model, which {@link #close} releases. */
  protected Decoder(Model model, ContextOptions options) {
    this.model = model;
    this.options = options;
  }

  /**
   * Opens the decoder that suits this model. Everything that is computed with a model goes through here, so that the
   * same tokens get the same bits in rollouts, scoring and probing.
   *
   * @param adapter null for the bare model
   * @throws InsufficientMemoryException when its memory would not fit, with the numbers
   * @throws LlamaException when llama.cpp refuses
   */
  public static Decoder open(Model model, Adapter adapter, ContextOptions options) {
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

  /** Refuses a call from another thread and a call after close. */
  final void check() {
    if (Thread.currentThread() != owner) {
      throw new WrongThreadException("this decoder of " + model + " belongs to " + owner);
    }
    if (closed) {
      throw new IllegalStateException("this decoder of " + model + " is closed");
    }
  }

  /** Frees the native memory, once, on the owner's thread. */
  protected abstract void free();

  @Override
  public void close() {
    if (closed) {
      return;
    }
    check();
    closed = true;
    outputs.forget();
    try {
      free();
    } finally {
      model.release();
    }
  }

  public final Model model() {
    return model;
  }

  public final ContextOptions options() {
    return options;
  }

  /** The number of tokens that the cache holds; at least as many as {@link ContextOptions#cells} asks for. */
  public abstract int cells();

  /**
   * Computes a batch and adds it to the cache. Afterwards {@link #logits()} holds a row for each token that wanted one.
   *
   * @throws LlamaException when the cache has no room for it (nothing is changed then) or the computation fails
   */
  public final void decode(Batch batch) {
    check();
    int n = batch.size();
    if (n == 0 || n > mostTokens()) {
      throw new IllegalArgumentException("a batch of " + n + " tokens; 1 to " + mostTokens() + " are possible");
    }
    outputs.forget();
    DecodeEvent event = new DecodeEvent();
    event.begin();
    int status;
    try {
      status = compute(batch);
    } catch (Throwable e) {
      throw NativeCall.failed(e);
    }
    event.tokens = n;
    event.outputs = batch.outputs();
    event.commit();
    if (status != 0) {
      throw new LlamaException("Computing " + n + " tokens with " + model + " failed: " + reason(status) + ".");
    }
    outputs.made(batch.outputs());
  }

  /** The most tokens of one {@link #decode}. */
  protected abstract int mostTokens();

  /** Computes a batch; 0 for success. */
  protected abstract int compute(Batch batch) throws Throwable;

  /** The reason for a status of {@link #compute}. */
  protected abstract String reason(int status);

  /**
   * The logits of the last decode, in native memory, or in the device's: one row of {@code vocabulary} floats for each
   * output, in the batch's order. Valid until the next decode or close, which close it.
   */
  public final NativeFloats logits() {
    check();
    return outputs.logits(() -> logitsOf(outputs.rows()));
  }

  /**
   * The final hidden states of the last decode: a row of {@link Model#width} floats for each output. llama.cpp makes
   * every token an output.
   */
  public final NativeFloats embeddings() {
    check();
    if (!options.embeddings()) {
      throw new IllegalStateException("this decoder was made without embeddings");
    }
    return outputs.states(() -> statesOf(outputs.rows()));
  }

  protected abstract NativeFloats logitsOf(int rows);

  protected abstract NativeFloats statesOf(int rows);

  /** Makes {@code to} share the cells of {@code from} at positions [{@code start}, {@code end}); -1: without limit. */
  public final void copySequence(int from, int to, int start, int end) {
    check();
    options.checkSequence(from);
    options.checkSequence(to);
    NativeCall.run(() -> copy(from, to, start, end));
  }

  /**
   * Takes positions [{@code start}, {@code end}) out of a sequence; -1: without limit. Cells that nobody holds are
   * free.
   */
  public final void removeSequence(int sequence, int start, int end) {
    check();
    options.checkSequence(sequence);
    NativeCall.run(() -> remove(sequence, start, end));
  }

  /** Frees the whole cache. */
  public final void clear() {
    check();
    NativeCall.run(this::clearCells);
  }

  /** Highest position of a sequence in the cache, -1 when it has none. */
  public final int lastPosition(int sequence) {
    check();
    options.checkSequence(sequence);
    return NativeCall.of(() -> last(sequence));
  }

  /**
   * Moves all occupied cells to the front of the cache without changing their order or their numbers; sequences keep
   * what they share. llama.cpp copies the occupied cells out and back in.
   */
  public final void compact() {
    check();
    CompactEvent event = new CompactEvent();
    event.begin();
    NativeCall.run(this::compactCells);
    event.commit();
  }

  protected abstract void copy(int from, int to, int start, int end) throws Throwable;

  protected abstract void remove(int sequence, int start, int end) throws Throwable;

  protected abstract void clearCells() throws Throwable;

  protected abstract int last(int sequence) throws Throwable;

  protected abstract void compactCells() throws Throwable;

  /** Uses these adapters from the next decode on; none: the bare model. What is in the cache stays as computed. */
  public abstract void useAdapters(List<Adapter> adapters);
}
