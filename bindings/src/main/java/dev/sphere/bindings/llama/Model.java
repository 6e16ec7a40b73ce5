package dev.sphere.bindings.llama;

import dev.sphere.base.FreeMemory;
import dev.sphere.base.InsufficientMemoryException;
import dev.sphere.bindings.device.Device;
import dev.sphere.bindings.load.AbiConstants;
import dev.sphere.bindings.load.AbiLayouts;
import dev.sphere.bindings.load.LlamaException;
import dev.sphere.bindings.load.NativeCall;
import dev.sphere.bindings.load.NativeRuntime;
import dev.sphere.bindings.load.Structs;
import dev.sphere.gguf.model.GgufFile;
import dev.sphere.gguf.model.PrmInfo;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A model's weights and vocabulary in native memory.
 *
 * <p>Thread-safe: it never changes after loading. Contexts and adapters made from it keep its memory alive: closing the
 * model makes it unusable for new ones at once and frees the memory when the last of them is closed. Close is
 * idempotent.
 */
public final class Model implements AutoCloseable {
  private final Path path;
  private final GgufFile file; // open as long as its weights are in use
  private final boolean vocabularyOnly;
  private final MemorySegment handle;
  private final Vocabulary vocabulary;
  private final DenseWeights dense; // null: the tree decoder does not compute it
  private int users = 1; // the model itself, its contexts and adapters
  private boolean closed;

  private Model(GgufFile file, boolean vocabularyOnly, MemorySegment handle, DenseWeights dense) {
    this.path = file.path();
    this.file = file;
    this.vocabularyOnly = vocabularyOnly;
    this.handle = handle;
    this.dense = dense;
    this.vocabulary = new Vocabulary(this, Llama.callPointer(Llama.MODEL_VOCAB, handle));
  }

  /**
   * Loads a GGUF file for the device of the process ({@link Device}). The file is checked in Java before native code
   * sees it, and the memory that its weights need is compared with what the machine has.
   *
   * @throws dev.sphere.gguf.GgufException when the file is damaged, or no model of a supported architecture
   * @throws LlamaException when llama.cpp cannot load it all the same
   * @throws InsufficientMemoryException when its weights do not fit
   */
  public static Model load(Path path) {
    return Llama.load(GgufFile.openModel(path), Model::loadWeights, Model::close);
  }

  /**
   * Loads tokenizer and metadata of a GGUF file without its weights: no context can be made. Throws as {@link #load}.
   */
  public static Model loadVocabulary(Path path) {
    return Llama.load(GgufFile.openTokenizer(path), file -> load(file, true, null), Model::close);
  }

  private static Model loadWeights(GgufFile file) {
    if (PrmInfo.hasHead(file)) {
      throw new LlamaException("Cannot load " + file.path()
          + " as a language model: it is a process reward model with a "
          + "head. Give it to --prm.");
    }
    FreeMemory.requireModel(file.path(), file.size());
    DenseWeights dense = DenseWeights.of(file);
    try {
      return load(file, false, dense);
    } catch (Throwable e) {
      if (dense != null) {
        dense.close();
      }
      throw e;
    }
  }

  private static Model load(GgufFile file, boolean vocabularyOnly, DenseWeights dense) {
    Llama.start();
    NativeRuntime.clearRecentProblems();
    MemorySegment handle;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment params = (MemorySegment) Llama.MODEL_DEFAULT_PARAMS.invokeExact((SegmentAllocator) arena);
      (vocabularyOnly ? GpuSplit.none() : GpuSplit.current()).into(params, arena);
      int mode = file.file().mayBeMapped() ? AbiConstants.LLAMA_LOAD_MODE_MMAP : AbiConstants.LLAMA_LOAD_MODE_NONE;
      Structs.setInt(params, AbiLayouts.LLAMA_MODEL_PARAMS, "load_mode", mode);
      setFlag(params, "vocab_only", vocabularyOnly);
      // Repacked weights are computed by other kernels, whose sums depend on the size of the batch.
      setFlag(params, "use_extra_bufts", false);
      String name = file.file().nativePath().toString();
      handle = (MemorySegment) Llama.MODEL_LOAD.invokeExact(arena.allocateFrom(name), params);
    } catch (Throwable e) {
      throw NativeCall.failed(e);
    }
    if (handle.equals(MemorySegment.NULL)) {
      throw new LlamaException("Cannot load the model " + file.path() + Llama.because(file.file(), file.path())
          + ". Check it with './sphere model info', or download or convert it again.");
    }
    return new Model(file, vocabularyOnly, handle, dense);
  }

  private static void setFlag(MemorySegment struct, String field, boolean value) {
    Structs.setFlag(struct, AbiLayouts.LLAMA_MODEL_PARAMS, field, value);
  }

  /** Whether it was loaded without its weights. */
  public boolean vocabularyOnly() {
    return vocabularyOnly;
  }

  public Vocabulary vocabulary() {
    return vocabulary;
  }

  /** Number of parameters. */
  public long parameters() {
    return Llama.callLong(Llama.MODEL_N_PARAMS, handle());
  }

  public int layers() {
    return Llama.callInt(Llama.MODEL_N_LAYER, handle());
  }

  /** Width of the hidden state. */
  public int width() {
    return Llama.callInt(Llama.MODEL_N_EMBD, handle());
  }

  public int heads() {
    return Llama.callInt(Llama.MODEL_N_HEAD, handle());
  }

  public int kvHeads() {
    return Llama.callInt(Llama.MODEL_N_HEAD_KV, handle());
  }

  /** Longest sequence that the model was trained for. */
  public int trainedContext() {
    return Llama.callInt(Llama.MODEL_N_CTX_TRAIN, handle());
  }

  /** True when every position's state depends on the KV cache alone: what rollouts and scoring need. */
  public boolean isPlainTransformer() {
    MemorySegment h = handle();
    return !Llama.callFlag(Llama.MODEL_HAS_ENCODER, h)
        && !Llama.callFlag(Llama.MODEL_IS_RECURRENT, h)
        && !Llama.callFlag(Llama.MODEL_IS_HYBRID, h);
  }

  /** llama.cpp's description, for instance "qwen2 1B Q8_0". */
  public String description() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment buffer = arena.allocate(256);
      int length = (int) Llama.MODEL_DESC.invokeExact(handle(), buffer, 256L);
      return length < 0 ? "" : buffer.getString(0);
    } catch (Throwable e) {
      throw NativeCall.failed(e);
    }
  }

  /** The chat template in the file. */
  public Optional<String> chatTemplate() {
    MemorySegment text =
        NativeCall.of(() -> (MemorySegment) Llama.MODEL_CHAT_TEMPLATE.invokeExact(handle(), MemorySegment.NULL));
    return text.equals(MemorySegment.NULL)
        ? Optional.empty() : Optional.of(text.reinterpret(Long.MAX_VALUE).getString(0));
  }

  /** A metadata value as text. Arrays are not supported. */
  public Optional<String> metadata(String key) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment name = arena.allocateFrom(key);
      MemorySegment buffer = arena.allocate(256);
      int length = (int) Llama.MODEL_META_VAL.invokeExact(handle(), name, buffer, 256L);
      if (length >= 256) {
        buffer = arena.allocate(length + 1L);
        length = (int) Llama.MODEL_META_VAL.invokeExact(handle(), name, buffer, length + 1L);
      }
      return length < 0 ? Optional.empty()
          : Optional.of(new String(buffer.asSlice(0, length).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8));
    } catch (Throwable e) {
      throw NativeCall.failed(e);
    }
  }

  /** A whole number under the architecture's prefix, for instance {@code attention.key_length}; none for an array. */
  OptionalLong architectureNumber(String key) {
    Optional<String> value = metadata("general.architecture").flatMap(prefix -> metadata(prefix + "." + key));
    return value.filter(text -> text.matches("-?[0-9]{1,18}")).map(Long::parseLong).map(OptionalLong::of)
        .orElse(OptionalLong.empty());
  }

  /** The file that it was loaded from; open as long as this is in use. */
  GgufFile file() {
    return file;
  }

  /** The weights as the tree decoder reads them; null when it does not compute this model. */
  DenseWeights dense() {
    return dense;
  }

  synchronized MemorySegment handle() {
    if (closed && users == 0) {
      throw new IllegalStateException("the model " + path + " is closed");
    }
    return handle;
  }

  /** For what is made from this model: keeps its memory until {@link #release}. */
  synchronized MemorySegment retain() {
    if (closed) {
      throw new IllegalStateException("the model " + path + " is closed");
    }
    users++;
    return handle;
  }

  synchronized void release() {
    if (--users == 0) {
      Llama.call(Llama.MODEL_FREE, handle);
      if (dense != null) {
        dense.close();
      }
      file.close();
    }
  }

  @Override
  public void close() {
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
    }
    release();
  }

  @Override
  public String toString() {
    return path.toString();
  }
}
