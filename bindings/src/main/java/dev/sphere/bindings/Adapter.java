package dev.sphere.bindings;

import dev.sphere.gguf.AdapterCheck;
import dev.sphere.gguf.GgufFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A LoRA adapter for a model, from a GGUF file. Contexts of that model use it by {@link Context#useAdapters}; it must
 * stay open as long as one of them does. Thread-safe; close is idempotent.
 */
public final class Adapter implements AutoCloseable {
  private final Path path;
  private final Model model;
  private final float scale;
  private final MemorySegment handle;
  private boolean closed;

  private Adapter(Path path, Model model, float scale, MemorySegment handle) {
    this.path = path;
    this.model = model;
    this.scale = scale;
    this.handle = handle;
  }

  /** Loads an adapter at its full strength. */
  public static Adapter load(Model model, Path path) {
    return load(model, path, 1f);
  }

  /**
   * Loads an adapter.
   *
   * @param scale factor on top of the file's own alpha / rank; 1 is what was trained
   * @throws dev.sphere.gguf.GgufException when the file is damaged, or doesn't fit the model
   * @throws LlamaException when llama.cpp cannot load it all the same
   */
  public static Adapter load(Model model, Path path, float scale) {
    try (GgufFile file = GgufFile.open(path)) {
      if (file.kind() != GgufFile.Kind.ADAPTER) {
        throw new LlamaException(
            "Cannot use " + path + " as an adapter: it is a whole model. Name a LoRA adapter in GGUF format.");
      }
      if (AdapterCheck.hasMagnitudes(file)) {
        throw new LlamaException("Cannot use " + path + " as an adapter: it was trained with DoRA, whose magnitudes llama.cpp "
            + "cannot apply. Put it into the weights with 'sphere model merge'.");
      }
      // llama.cpp asserts on some that don't fit (one that changes a tied embedding), and names no tensor on others.
      if (Files.isRegularFile(model.path())) {
        try (GgufFile base = GgufFile.open(model.path())) {
          AdapterCheck.checkAgainst(file, base);
        }
      }
    }
    MemorySegment modelHandle = model.retain();
    NativeRuntime.clearRecentProblems();
    MemorySegment handle = MemorySegment.NULL;
    try (Arena arena = Arena.ofConfined()) {
      handle = (MemorySegment) Llama.ADAPTER_INIT.invokeExact(modelHandle, arena.allocateFrom(path.toString()));
    } catch (Throwable e) {
      throw Llama.unexpected(e);
    } finally {
      if (handle.equals(MemorySegment.NULL)) {
        model.release();
      }
    }
    if (handle.equals(MemorySegment.NULL)) {
      throw new LlamaException(
          "Cannot load the adapter " + path + " for " + model + Llama.because()
              + ". Is it a LoRA adapter in GGUF format, made for this model?");
    }
    return new Adapter(path, model, scale, handle);
  }

  Model model() {
    return model;
  }

  float scale() {
    return scale;
  }

  synchronized MemorySegment handle() {
    if (closed) {
      throw new IllegalStateException("the adapter " + path + " is closed");
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
  }

  @Override
  public String toString() {
    return path.toString();
  }
}
