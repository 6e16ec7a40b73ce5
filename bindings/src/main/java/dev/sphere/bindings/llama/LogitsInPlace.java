package dev.sphere.bindings.llama;

import static java.lang.foreign.FunctionDescriptor.of;
import static java.lang.foreign.FunctionDescriptor.ofVoid;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.sphere.bindings.device.DeviceMemory;
import dev.sphere.bindings.load.AbiLayouts;
import dev.sphere.bindings.load.NativeCall;
import dev.sphere.bindings.load.NativeLibraries;
import dev.sphere.bindings.tensor.NativeFloats;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * A context's logits where its backend leaves them, never copied to the host (native/include/sphere_logits.h). Made
 * before the context, closed after it; belongs to the context's thread.
 */
final class LogitsInPlace implements AutoCloseable {
  private static final MethodHandle NEW =
      NativeLibraries.downcall("sphere_logits_new", of(JAVA_INT, JAVA_INT, ADDRESS, ADDRESS));
  private static final MethodHandle FOUND = NativeLibraries.downcall("sphere_logits_found", of(JAVA_INT, ADDRESS));
  private static final MethodHandle ROWS =
      NativeLibraries.downcall("sphere_logits_rows", of(JAVA_INT, ADDRESS, ADDRESS, JAVA_INT, JAVA_INT, ADDRESS));
  private static final MethodHandle FREE = NativeLibraries.downcall("sphere_logits_free", ofVoid(ADDRESS));

  private final Arena arena = Arena.ofConfined();
  private final MemorySegment configs;
  private final MemorySegment handle;
  private final MemorySegment out;

  /** For the sequences from 0 on. */
  LogitsInPlace(int sequences) {
    configs = arena.allocate(AbiLayouts.LLAMA_SAMPLER_SEQ_CONFIG, sequences);
    out = arena.allocate(ADDRESS);
    try {
      DeviceMemory.check((int) NEW.invokeExact(sequences, configs, out), "Making samplers");
    } catch (Throwable e) {
      arena.close();
      throw NativeCall.failed(e);
    }
    handle = out.get(ADDRESS, 0);
  }

  /** Whether rows come in the batch's order: one cache for all sequences, nothing recurrent, one kind of output. */
  static boolean possible(Model model, ContextOptions options) {
    return options.unified() && !options.embeddings() && model.isPlainTransformer();
  }

  /** The samplers, for llama_context_params. */
  MemorySegment configs() {
    return configs;
  }

  /** Whether the context's graph was understood. */
  boolean found() {
    return Llama.callInt(FOUND, handle) != 0;
  }

  /** Waits for the last decode and finds its rows: valid until the next. */
  NativeFloats rows(MemorySegment context, int rows, int vocabulary) {
    NativeCall.run(() ->
        DeviceMemory.check((int) ROWS.invokeExact(handle, context, rows, vocabulary, out),
            "Reading the outputs of the last decode"));
    return NativeFloats.view(out.get(ADDRESS, 0).reinterpret((long) rows * vocabulary * JAVA_FLOAT.byteSize()));
  }

  @Override
  public void close() {
    Llama.call(FREE, handle);
    arena.close();
  }
}
