package dev.sphere.bindings.llama;

import static java.lang.foreign.FunctionDescriptor.of;
import static java.lang.foreign.FunctionDescriptor.ofVoid;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.sphere.bindings.kernel.Draws;
import dev.sphere.bindings.load.AbiLayouts;
import dev.sphere.bindings.load.LlamaException;
import dev.sphere.bindings.load.NativeCall;
import dev.sphere.bindings.load.NativeLibraries;
import dev.sphere.bindings.load.Structs;
import dev.sphere.bindings.tensor.NativeFloats;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandle;
import java.util.List;

/**
 * llama.cpp's own samplers in a chain: {@link Draws} is measured against them. Sphere draws nothing with it, since its
 * random stream depends on the order of the draws. Not thread-safe. Closing twice is harmless.
 */
public final class SamplerChain implements AutoCloseable {
  private static final MethodHandle CHAINS =
      NativeLibraries.downcall(
          "sphere_bench_chains", of(JAVA_INT, ADDRESS, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT, ADDRESS));
  private static final MethodHandle DEFAULTS =
      NativeLibraries.downcall("llama_sampler_chain_default_params", of(AbiLayouts.LLAMA_SAMPLER_CHAIN_PARAMS));
  private static final MethodHandle INIT =
      NativeLibraries.downcall("llama_sampler_chain_init", of(ADDRESS, AbiLayouts.LLAMA_SAMPLER_CHAIN_PARAMS));
  private static final MethodHandle ADD =
      NativeLibraries.downcall("llama_sampler_chain_add", ofVoid(ADDRESS, ADDRESS));
  private static final MethodHandle FREE = NativeLibraries.downcall("llama_sampler_free", ofVoid(ADDRESS));
  private static final MethodHandle GREEDY = NativeLibraries.downcall("llama_sampler_init_greedy", of(ADDRESS));
  private static final MethodHandle DIST = NativeLibraries.downcall("llama_sampler_init_dist", of(ADDRESS, JAVA_INT));
  private static final MethodHandle TOP_K = NativeLibraries.downcall("llama_sampler_init_top_k", of(ADDRESS, JAVA_INT));
  private static final MethodHandle TOP_P =
      NativeLibraries.downcall("llama_sampler_init_top_p", of(ADDRESS, JAVA_FLOAT, JAVA_LONG));
  private static final MethodHandle MIN_P =
      NativeLibraries.downcall("llama_sampler_init_min_p", of(ADDRESS, JAVA_FLOAT, JAVA_LONG));
  private static final MethodHandle TEMPERATURE =
      NativeLibraries.downcall("llama_sampler_init_temp", of(ADDRESS, JAVA_FLOAT));
  private static final MethodHandle SAMPLE =
      NativeLibraries.downcall("llama_sampler_sample", of(JAVA_INT, ADDRESS, ADDRESS, JAVA_INT));

  private static final StructLayout CONFIG = AbiLayouts.LLAMA_SAMPLER_SEQ_CONFIG;

  private final MemorySegment handle;
  private boolean closed;

  /**
   * Top-k, top-p, min-p, temperature, draw, in this order; those that change nothing are left out.
   *
   * @param temperature 0: the likeliest token
   * @param topK 0: all
   * @param topP 1: all
   * @param minP 0: all
   * @param seed of the draws
   */
  public SamplerChain(float temperature, int topK, float topP, float minP, int seed) {
    Llama.start();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment defaults = (MemorySegment) DEFAULTS.invokeExact((SegmentAllocator) arena);
      handle = (MemorySegment) INIT.invokeExact(defaults);
      if (topK > 0) {
        add((MemorySegment) TOP_K.invokeExact(topK));
      }
      if (topP < 1) {
        add((MemorySegment) TOP_P.invokeExact(topP, 1L));
      }
      if (minP > 0) {
        add((MemorySegment) MIN_P.invokeExact(minP, 1L));
      }
      if (temperature == 0) {
        add((MemorySegment) GREEDY.invokeExact());
      } else {
        add((MemorySegment) TEMPERATURE.invokeExact(temperature));
        add((MemorySegment) DIST.invokeExact(seed));
      }
    } catch (Throwable e) {
      throw NativeCall.failed(e);
    }
  }

  private void add(MemorySegment sampler) {
    try {
      ADD.invokeExact(handle, sampler);
    } catch (Throwable e) {
      throw NativeCall.failed(e);
    }
  }

  /**
   * Draws a token from the last decode of a context, or fetches the one that the context has drawn itself.
   *
   * @param index place in the batch of a token that wanted an output
   */
  public int sample(Context context, int index) {
    MemorySegment of = context.outputs();
    try {
      return (int) SAMPLE.invokeExact(handle(), of, index);
    } catch (Throwable e) {
      throw NativeCall.failed(e);
    }
  }

  /**
   * Makes a context that draws tokens in its own graph (llama.cpp's backend sampling): {@link #sample} then only fetches
   * the token that was drawn, and there are no logits.
   *
   * @param chains one for each sequence, from 0 on; the caller closes them after the context
   */
  public static Context open(Model model, ContextOptions options, List<SamplerChain> chains) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment configs = arena.allocate(CONFIG, chains.size());
      for (int i = 0; i < chains.size(); i++) {
        MemorySegment config = configs.asSlice(i * CONFIG.byteSize(), CONFIG.byteSize());
        Structs.setInt(config, CONFIG, "seq_id", i);
        Structs.setPointer(config, CONFIG, "sampler", chains.get(i).handle());
      }
      return Context.open(model, options, configs, null);
    }
  }

  /**
   * Draws a token for each row as llama_sampler_sample does, each chain on a thread of its own.
   *
   * @param logits [rows x vocabulary]
   * @return the tokens
   */
  public static int[] draw(List<SamplerChain> chains, NativeFloats logits, int vocabulary) {
    int rows = Math.toIntExact(logits.size() / vocabulary);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment handles = arena.allocate(ADDRESS, chains.size());
      for (int i = 0; i < chains.size(); i++) {
        handles.setAtIndex(ADDRESS, i, chains.get(i).handle());
      }
      MemorySegment tokens = arena.allocate(JAVA_INT, Math.max(1, rows));
      int status = (int) CHAINS.invokeExact(handles, chains.size(), logits.segment(), vocabulary, rows, tokens);
      if (status != 0) {
        throw new LlamaException("A benchmark's kernel failed: " + NativeCall.lastError() + ".");
      }
      return tokens.asSlice(0, rows * 4L).toArray(JAVA_INT);
    } catch (Throwable e) {
      throw NativeCall.failed(e);
    }
  }

  MemorySegment handle() {
    if (closed) {
      throw new IllegalStateException("this chain is closed");
    }
    return handle;
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      Llama.call(FREE, handle);
    }
  }
}
