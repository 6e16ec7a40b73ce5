package dev.sphere.bindings.llama;

import dev.sphere.base.InsufficientMemoryException;
import dev.sphere.bindings.device.Device;
import dev.sphere.bindings.kernel.Draws;
import dev.sphere.bindings.load.AbiConstants;
import dev.sphere.bindings.load.AbiLayouts;
import dev.sphere.bindings.load.LlamaException;
import dev.sphere.bindings.load.NativeCall;
import dev.sphere.bindings.load.NativeRuntime;
import dev.sphere.bindings.load.Structs;
import dev.sphere.bindings.tensor.NativeFloats;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.List;

/** A KV cache and the buffers in which llama.cpp computes with a model; {@link Decoder} says more. */
public final class Context extends Decoder {
  private static final StructLayout CONFIG = AbiLayouts.LLAMA_SAMPLER_SEQ_CONFIG;

  /** Bytes up to which the memory that a compaction moves cells through is kept: fresh memory costs page faults. */
  private static final long KEPT = 64L << 20;

  private final MemorySegment handle;
  private final MemorySegment memory;
  private final int cells;
  private final int vocabularySize;
  private final LogitsInPlace inPlace; // null: llama.cpp copies them to the host
  private Arena movedArena; // null while there is none
  private MemorySegment moved;

  private Context(Model model, ContextOptions options, MemorySegment handle, LogitsInPlace inPlace) {
    super(model, options);
    this.inPlace = inPlace;
    this.handle = handle;
    this.memory = Llama.callPointer(Llama.GET_MEMORY, handle);
    this.cells = Llama.callInt(Llama.N_CTX, handle);
    this.vocabularySize = model.vocabulary().size();
  }

  /**
   * Makes a context. Its memory is estimated first.
   *
   * @throws InsufficientMemoryException when it would not fit, with the numbers
   * @throws LlamaException when llama.cpp refuses
   */
  public static Context open(Model model, ContextOptions options) {
    return open(model, options, MemorySegment.NULL, null);
  }

  /**
   * Makes a context whose logits stay on the device, where the model's graphs run on one: {@link Draws} and {@link
   * TargetLogProbs} read them in place. {@link #decode} then takes a micro-batch at most. On the CPU, and for models or
   * shapes for which that can't be, it is {@link #open(Model, ContextOptions)}.
   */
  public static Context keepingLogits(Model model, ContextOptions options) {
    return Device.current().keepsLogits() ? inPlace(model, options) : open(model, options);
  }

  /** Visible for tests: in place on every device, the CPU too, where it can be. */
  static Context inPlace(Model model, ContextOptions options) {
    if (!LogitsInPlace.possible(model, options)) {
      return open(model, options);
    }
    LogitsInPlace logits = new LogitsInPlace(options.sequences());
    Context context = null;
    try {
      context = open(model, options, logits.configs(), logits);
      if (logits.found()) {
        return context;
      }
      context.close(); // and what it was made with
      return open(model, options);
    } catch (Throwable e) {
      if (context == null) {
        logits.close();
      }
      throw e;
    }
  }

  /**
   * Makes a context with samplers in its graph.
   *
   * @param samplers an array of llama_sampler_seq_config; {@link MemorySegment#NULL} for none
   * @param logits where the logits stay; null where llama.cpp copies them to the host
   */
  static Context open(Model model, ContextOptions options, MemorySegment samplers, LogitsInPlace logits) {
    if (model.vocabularyOnly()) {
      throw new LlamaException("Cannot run " + model + ": it was loaded without its weights.");
    }
    boolean inGraph = samplers.byteSize() > 0;
    MemoryEstimate.of(model, options, inGraph).require("a context of " + options.cells() + " tokens for " + model);
    MemorySegment modelHandle = model.retain();
    MemorySegment handle = MemorySegment.NULL;
    try {
      NativeRuntime.clearRecentProblems();
      handle = create(modelHandle, options, samplers);
      if (handle.equals(MemorySegment.NULL)) {
        throw new LlamaException(
            "Cannot make a context of " + options.cells() + " tokens for " + model + Llama.because()
                + ". Use a smaller context or another KV type.");
      }
      return new Context(model, options, handle, logits);
    } catch (Throwable e) {
      if (!handle.equals(MemorySegment.NULL)) {
        Llama.call(Llama.FREE, handle);
      }
      model.release();
      throw e;
    }
  }

  private static MemorySegment create(MemorySegment model, ContextOptions options, MemorySegment samplers) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment p = (MemorySegment) Llama.CONTEXT_DEFAULT_PARAMS.invokeExact((SegmentAllocator) arena);
      set(p, "n_ctx", options.cells());
      set(p, "n_batch", options.batch());
      set(p, "n_ubatch", options.microBatch());
      set(p, "n_seq_max", options.sequences());
      set(p, "n_threads", options.threads());
      set(p, "n_threads_batch", options.threads());
      set(
          p,
          "flash_attn_type",
          options.flashAttention()
              ? AbiConstants.LLAMA_FLASH_ATTN_TYPE_ENABLED
              : AbiConstants.LLAMA_FLASH_ATTN_TYPE_DISABLED);
      set(p, "type_k", options.kvType().ggmlType);
      set(p, "type_v", options.kvType().ggmlType);
      setFlag(p, "kv_unified", options.unified());
      setFlag(p, "embeddings", options.embeddings());
      setFlag(p, "no_perf", true);
      if (samplers.byteSize() > 0) {
        set(p, "n_outputs_max_per_seq", 0); // as many as there are; otherwise 1
        Structs.setPointer(p, AbiLayouts.LLAMA_CONTEXT_PARAMS, "samplers", samplers);
        Structs.setLong(p, AbiLayouts.LLAMA_CONTEXT_PARAMS, "n_samplers", samplers.byteSize() / CONFIG.byteSize());
      }
      return (MemorySegment) Llama.INIT_FROM_MODEL.invokeExact(model, p);
    } catch (Throwable e) {
      throw NativeCall.failed(e);
    }
  }

  private static void set(MemorySegment struct, String field, int value) {
    Structs.setInt(struct, AbiLayouts.LLAMA_CONTEXT_PARAMS, field, value);
  }

  private static void setFlag(MemorySegment struct, String field, boolean value) {
    Structs.setFlag(struct, AbiLayouts.LLAMA_CONTEXT_PARAMS, field, value);
  }

  @Override
  public int cells() {
    return cells;
  }

  @Override
  protected int mostTokens() {
    return inPlace == null ? options().batch() : options().microBatch();
  }

  @Override
  protected int compute(Batch batch) throws Throwable {
    for (int i = 0; i < batch.size(); i++) {
      options().checkSequence(batch.sequenceAt(i));
    }
    int status = (int) Llama.DECODE.invokeExact(handle, batch.struct());
    if (inPlace != null) { // so that the event, and who measures, see the computation
      Llama.SYNCHRONIZE.invokeExact(handle);
    }
    return status;
  }

  @Override
  protected String reason(int status) {
    return switch (status) {
      case 1 -> "the KV cache of " + cells + " tokens has no room. Use a larger context";
      case -1 -> "the batch is not valid" + Llama.because();
      default -> "status " + status + Llama.because();
    };
  }

  @Override
  protected NativeFloats logitsOf(int rows) {
    return inPlace == null ? output(Llama.GET_LOGITS, rows, vocabularySize)
        : inPlace.rows(handle, rows, vocabularySize);
  }

  /** Whether the logits stay where the model computed them. */
  boolean keepsLogits() {
    return inPlace != null;
  }

  @Override
  protected NativeFloats statesOf(int rows) {
    return output(Llama.GET_EMBEDDINGS, rows, model().width());
  }

  private NativeFloats output(MethodHandle getter, int rows, int width) {
    MemorySegment data = Llama.callPointer(getter, handle);
    if (data.equals(MemorySegment.NULL)) {
      throw new LlamaException("Reading the outputs of " + model() + " failed: there are none" + Llama.because() + ".");
    }
    return NativeFloats.view(data.reinterpret((long) rows * width * Float.BYTES));
  }

  /** The llama_context, for one who reads the outputs of the last decode. */
  MemorySegment outputs() {
    check();
    outputs.rows();
    return handle;
  }

  @Override
  protected void copy(int from, int to, int start, int end) throws Throwable {
    Llama.SEQ_CP.invokeExact(memory, from, to, start, end);
  }

  @Override
  protected void remove(int sequence, int start, int end) throws Throwable {
    if (!(boolean) Llama.SEQ_RM.invokeExact(memory, sequence, start, end)) {
      throw new LlamaException(model() + " cannot forget a part of a sequence: its memory is not a plain KV cache.");
    }
  }

  @Override
  protected void clearCells() throws Throwable {
    Llama.MEMORY_CLEAR.invokeExact(memory, false);
  }

  @Override
  protected int last(int sequence) throws Throwable {
    return (int) Llama.SEQ_POS_MAX.invokeExact(memory, sequence);
  }

  @Override
  protected void compactCells() throws Throwable {
    long size = Llama.callLong(Llama.STATE_SIZE, handle);
    if (moved == null || moved.byteSize() < size) {
      freeMoved();
      movedArena = Arena.ofConfined();
      moved = movedArena.allocate(size, 64);
    }
    long written = (long) Llama.STATE_GET.invokeExact(handle, moved, size);
    long read = written == 0 ? 0 : (long) Llama.STATE_SET.invokeExact(handle, moved, written);
    if (read == 0) {
      throw new LlamaException("Compacting the KV cache of " + model() + " failed" + Llama.because() + ".");
    }
    if (size > KEPT) {
      freeMoved();
    }
  }

  private void freeMoved() {
    if (movedArena != null) {
      movedArena.close();
      movedArena = null;
      moved = null;
    }
  }

  @Override
  public void useAdapters(List<Adapter> adapters) {
    check();
    int n = adapters.size();
    int status;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment pointers = arena.allocate(ValueLayout.ADDRESS, Math.max(1, n));
      MemorySegment scales = arena.allocate(ValueLayout.JAVA_FLOAT, Math.max(1, n));
      for (int i = 0; i < n; i++) {
        Adapter adapter = adapters.get(i);
        if (adapter.model() != model()) {
          throw new IllegalArgumentException(adapter + " was loaded for another model than " + model());
        }
        pointers.setAtIndex(ValueLayout.ADDRESS, i, adapter.handle());
        scales.setAtIndex(ValueLayout.JAVA_FLOAT, i, 1);
      }
      status = (int) Llama.SET_ADAPTERS.invokeExact(handle, pointers, (long) n, scales);
    } catch (Throwable e) {
      throw NativeCall.failed(e);
    }
    if (status != 0) {
      throw new LlamaException("Using " + adapters + " with " + model() + " failed" + Llama.because() + ".");
    }
  }

  @Override
  protected void free() {
    freeMoved();
    Llama.call(Llama.FREE, handle);
    if (inPlace != null) {
      inPlace.close();
    }
  }
}
