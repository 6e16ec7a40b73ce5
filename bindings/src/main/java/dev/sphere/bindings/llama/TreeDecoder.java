package dev.sphere.bindings.llama;

import static java.lang.foreign.FunctionDescriptor.of;
import static java.lang.foreign.FunctionDescriptor.ofVoid;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.sphere.base.InsufficientMemoryException;
import dev.sphere.bindings.device.Device;
import dev.sphere.bindings.kernel.AttentionKernel;
import dev.sphere.bindings.load.AbiConstants;
import dev.sphere.bindings.load.LlamaException;
import dev.sphere.bindings.load.NativeCall;
import dev.sphere.bindings.load.NativeLibraries;
import dev.sphere.bindings.tensor.NativeFloats;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.List;

/**
 * libsphere's own decode step for small dense models on the CPU (native/include/sphere_decode.h): the tree is the
 * batch. Each token brings the cells of its path; there is no mask, no graph, and nothing is allocated in a step. It
 * computes what {@link Context} does with the same kernels, on one thread.
 *
 * <p>The environment variable {@code SPHERE_DECODER=llama} leaves all models to llama.cpp.
 */
public final class TreeDecoder extends Decoder {
  /** Models with as many parameters are left to llama.cpp: there what it does besides products hardly counts. */
  public static final long MOST_PARAMETERS = 50_000_000;

  private static final boolean ENABLED = !"llama".equals(System.getenv("SPHERE_DECODER"));

  private static final MethodHandle OPEN =
      NativeLibraries.downcall("sphere_decode_open",
          of(JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS));
  private static final MethodHandle FREE = NativeLibraries.downcall("sphere_decode_free", ofVoid(ADDRESS));
  private static final MethodHandle STEP =
      NativeLibraries.downcall(
          "sphere_decode_step", of(JAVA_INT, ADDRESS, JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS));
  private static final MethodHandle COPY =
      NativeLibraries.downcall("sphere_decode_copy", of(JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT));
  private static final MethodHandle REMOVE =
      NativeLibraries.downcall("sphere_decode_remove", of(JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT, JAVA_INT));
  private static final MethodHandle CLEAR = NativeLibraries.downcall("sphere_decode_clear", of(JAVA_INT, ADDRESS));
  private static final MethodHandle COMPACT = NativeLibraries.downcall("sphere_decode_compact", of(JAVA_INT, ADDRESS));
  private static final MethodHandle LAST =
      NativeLibraries.downcall("sphere_decode_last", of(JAVA_INT, ADDRESS, JAVA_INT, ADDRESS));
  private static final MethodHandle ADAPT =
      NativeLibraries.downcall(
          "sphere_decode_adapt", of(JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT, JAVA_FLOAT, ADDRESS, ADDRESS));
  private static final MethodHandle UNADAPT = NativeLibraries.downcall("sphere_decode_unadapt", of(JAVA_INT, ADDRESS));

  private final Arena arena = Arena.ofConfined();
  private final MemorySegment out = arena.allocate(ADDRESS, 2); // where the last step's logits and hidden states are
  private final MemorySegment handle;
  private final int vocabularySize;
  private final int width;

  private TreeDecoder(Model model, ContextOptions options) {
    super(model, options);
    this.vocabularySize = model.vocabulary().size();
    this.width = model.width();
    DenseWeights weights = model.dense();
    int positions = Math.max(options.cells(), weights.context());
    int status = NativeCall.of(() ->
        (int) OPEN.invokeExact(weights.model(), options.cells(), positions, options.sequences(), options.microBatch(),
            out));
    if (status != 0) {
      arena.close();
      throw new LlamaException("Cannot make a decoder of " + options.cells() + " tokens for " + model + ": "
          + NativeCall.lastError() + ". Use a smaller context.");
    }
    this.handle = out.getAtIndex(ADDRESS, 0);
  }

  /**
   * Whether a model, with an adapter or with null, is computed here in a context of this shape. The one place that
   * decides: see {@link Decoder#open}. The number of threads does not count, so that it changes no result.
   */
  public static boolean supports(Model model, Adapter adapter, ContextOptions options) {
    return ENABLED
        && AttentionKernel.oneRow()
        && Device.current().computesOnCores()
        && !Device.current().keepsLogits()
        && model.dense() != null
        && (adapter == null || adapter.pairs() != null)
        && options.unified()
        && options.flashAttention()
        && options.kvType() == KvType.F16;
  }

  /**
   * Makes a decoder. Its memory is estimated first.
   *
   * @throws IllegalArgumentException when the model is not supported
   * @throws InsufficientMemoryException when it would not fit, with the numbers
   */
  public static TreeDecoder open(Model model, ContextOptions options) {
    if (!supports(model, null, options)) {
      throw new IllegalArgumentException("the tree decoder does not compute " + model + " in " + options);
    }
    MemoryEstimate.of(model, options).require("a context of " + options.cells() + " tokens for " + model);
    model.retain();
    try {
      return new TreeDecoder(model, options);
    } catch (Throwable e) {
      model.release();
      throw e;
    }
  }

  @Override
  public int cells() {
    return options().cells();
  }

  @Override
  protected int mostTokens() {
    return options().batch();
  }

  @Override
  protected int compute(Batch batch) throws Throwable {
    return (int) STEP.invokeExact(handle, batch.size(), batch.tokens(), batch.positions(), batch.sequences(),
        batch.wanted(), out, out.asSlice(ADDRESS.byteSize()));
  }

  @Override
  protected String reason(int status) {
    return (status == AbiConstants.SPHERE_INVALID_ARGUMENT ? "the batch is not valid: " : "") + NativeCall.lastError();
  }

  @Override
  protected NativeFloats logitsOf(int rows) {
    return output(0, rows, vocabularySize);
  }

  @Override
  protected NativeFloats statesOf(int rows) {
    return output(1, rows, width);
  }

  private NativeFloats output(int which, int rows, int each) {
    return NativeFloats.view(out.getAtIndex(ADDRESS, which).reinterpret((long) rows * each * Float.BYTES));
  }

  @Override
  protected void copy(int from, int to, int start, int end) throws Throwable {
    require((int) COPY.invokeExact(handle, from, to, start, end));
  }

  @Override
  protected void remove(int sequence, int start, int end) throws Throwable {
    require((int) REMOVE.invokeExact(handle, sequence, start, end));
  }

  @Override
  protected void clearCells() {
    require(Llama.callInt(CLEAR, handle));
  }

  @Override
  protected int last(int sequence) throws Throwable {
    try (Arena scratch = Arena.ofConfined()) {
      MemorySegment position = scratch.allocate(JAVA_INT);
      require((int) LAST.invokeExact(handle, sequence, position));
      return position.get(JAVA_INT, 0);
    }
  }

  @Override
  protected void compactCells() {
    require(Llama.callInt(COMPACT, handle));
  }

  @Override
  public void useAdapters(List<Adapter> adapters) {
    check();
    for (Adapter adapter : adapters) {
      if (adapter.model() != model() || adapter.pairs() == null) {
        throw new IllegalArgumentException(adapter + " cannot be used with " + model() + " in the tree decoder");
      }
    }
    require(Llama.callInt(UNADAPT, handle));
    for (Adapter adapter : adapters) {
      for (Adapter.Pair pair : adapter.pairs()) {
        adapt(pair);
      }
    }
  }

  private void adapt(Adapter.Pair pair) {
    try (Arena scratch = Arena.ofConfined()) {
      MemorySegment a = scratch.allocateFrom(JAVA_FLOAT, pair.a());
      MemorySegment b = scratch.allocateFrom(JAVA_FLOAT, pair.b());
      float scale = pair.alpha() == 0 ? 1 : pair.alpha() / pair.rank(); // as llama.cpp has it
      require((int) ADAPT.invokeExact(handle, pair.place(), pair.rank(), scale, a, b));
    } catch (Throwable e) {
      throw NativeCall.failed(e);
    }
  }

  private void require(int status) {
    if (status != 0) {
      throw new LlamaException("Changing a decoder of " + model() + " failed: " + NativeCall.lastError() + ".");
    }
  }

  @Override
  protected void free() {
    try {
      Llama.call(FREE, handle);
    } finally {
      arena.close();
    }
  }
}
