package dev.sphere.bindings.llama;

import dev.sphere.bindings.load.AbiConstants;
import dev.sphere.bindings.load.LlamaException;
import dev.sphere.bindings.load.NativeCall;
import dev.sphere.bindings.load.NativeRuntime;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.GgufTensor;
import dev.sphere.gguf.model.AdapterCheck;
import dev.sphere.gguf.model.GgufFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * A LoRA adapter for a model, from a GGUF file. Decoders of that model use it by {@link Decoder#useAdapters}; it must
 * stay open as long as one of them does. Thread-safe; close is idempotent.
 */
public final class Adapter implements AutoCloseable {
  /**
   * The two factors that an adapter adds to one matrix: b · a, scaled.
   *
   * @param place of the matrix, see {@link DenseWeights#place}
   * @param alpha the file's; 0: the scale is not divided by the rank
   * @param a [rank x columns]
   * @param b [rows x rank]
   */
  record Pair(int place, int rank, float alpha, float[] a, float[] b) {}

  private static final Set<GgmlType> PLAIN = EnumSet.of(GgmlType.F32, GgmlType.F16, GgmlType.BF16);

  private final GgufFile file; // open as long as this is
  private final Model model;
  private final List<Pair> pairs; // null: the tree decoder cannot use it
  private final MemorySegment handle;
  private boolean closed;

  private Adapter(GgufFile file, Model model, List<Pair> pairs, MemorySegment handle) {
    this.file = file;
    this.model = model;
    this.pairs = pairs;
    this.handle = handle;
  }

  /**
   * Loads an adapter, which is scaled by its own alpha / rank.
   *
   * @throws dev.sphere.gguf.GgufException when the file is damaged, or doesn't fit the model
   * @throws LlamaException when llama.cpp cannot load it all the same
   */
  public static Adapter load(Model model, Path path) {
    return Llama.load(GgufFile.open(path), file -> load(model, file), Adapter::close);
  }

  private static Adapter load(Model model, GgufFile file) {
    Path path = file.path();
    if (file.kind() != GgufFile.Kind.ADAPTER) {
      throw new LlamaException(
          "Cannot use " + path + " as an adapter: it is a whole model. Name a LoRA adapter in GGUF format.");
    }
    if (AdapterCheck.hasMagnitudes(file)) {
      throw new LlamaException("Cannot use " + path
          + " as an adapter: it was trained with DoRA, whose magnitudes llama.cpp "
          + "cannot apply. Put it into the weights with 'sphere model merge'.");
    }
    // llama.cpp asserts on some that don't fit (one that changes a tied embedding), and names no tensor on others.
    AdapterCheck.checkAgainst(file, model.file());
    List<Pair> pairs = model.dense() == null ? null : pairs(file);
    MemorySegment modelHandle = model.retain();
    NativeRuntime.clearRecentProblems();
    MemorySegment handle = MemorySegment.NULL;
    try (Arena arena = Arena.ofConfined()) {
      String name = file.file().nativePath().toString();
      handle = (MemorySegment) Llama.ADAPTER_INIT.invokeExact(modelHandle, arena.allocateFrom(name));
    } catch (Throwable e) {
      throw NativeCall.failed(e);
    } finally {
      if (handle.equals(MemorySegment.NULL)) {
        model.release();
      }
    }
    if (handle.equals(MemorySegment.NULL)) {
      throw new LlamaException(
          "Cannot load the adapter " + path + " for " + model + Llama.because(file.file(), path)
              + ". Is it a LoRA adapter in GGUF format, made for this model?");
    }
    return new Adapter(file, model, pairs, handle);
  }

  private static List<Pair> pairs(GgufFile file) {
    float alpha = (float) file.metadata().f32("adapter.lora.alpha").orElse(0);
    List<Pair> pairs = new ArrayList<>();
    for (String weight : AdapterCheck.targets(file)) {
      int place = DenseWeights.place(weight);
      GgufTensor a = file.tensor(weight + ".lora_a");
      GgufTensor b = file.tensor(weight + ".lora_b");
      if (place < 0 || place == AbiConstants.SPHERE_DECODE_EMBEDDING
          || !PLAIN.containsAll(List.of(a.type(), b.type()))) {
        return null;
      }
      pairs.add(new Pair(place, (int) b.dim(0), alpha, file.readFloats(a.name()), file.readFloats(b.name())));
    }
    return pairs;
  }

  Model model() {
    return model;
  }

  /** The factors that the tree decoder adds to the model's matrices; null when it can't use this adapter. */
  List<Pair> pairs() {
    return pairs;
  }

  synchronized MemorySegment handle() {
    if (closed) {
      throw new IllegalStateException("the adapter " + this + " is closed");
    }
    return handle;
  }

  @Override
  public void close() {
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
    }
    Llama.call(Llama.ADAPTER_FREE, handle);
    model.release();
    file.close();
  }

  @Override
  public String toString() {
    return file.path().toString();
  }
}
