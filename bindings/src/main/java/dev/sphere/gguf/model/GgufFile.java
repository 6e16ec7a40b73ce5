package dev.sphere.gguf.model;

import dev.sphere.base.OpenFile;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.GgufException;
import dev.sphere.gguf.GgufMetadata;
import dev.sphere.gguf.GgufReader;
import dev.sphere.gguf.GgufTensor;
import dev.sphere.gguf.GgufValue;
import dev.sphere.gguf.Quantization;
import dev.sphere.gguf.TensorBytes;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A GGUF file that has been checked from end to end. The file that {@link #open} returns has a sound header, its
 * tensors lie within the file, its tokenizer is consistent, and for a model of a supported architecture every tensor
 * that llama.cpp will ask for is there with the right shape and a type that its kernels take. Reading is thread-safe.
 * The file stays open until {@link #close}; whoever opens its name meanwhile gets the same file ({@link OpenFile}).
 */
public final class GgufFile implements TensorBytes, AutoCloseable {

  /** The kind of a file's content. */
  public enum Kind {
    /** Weights with their tokenizer. */
    MODEL,
    /** A tokenizer without weights. */
    VOCABULARY,
    /** A LoRA adapter. */
    ADAPTER
  }

  private static final int CHUNK_BYTES = 1 << 20;

  private final Path path;
  private final OpenFile file;
  private final Head head;

  /** The header of the file, checked. */
  private record Head(int version, GgufMetadata metadata, long alignment, Map<String, GgufTensor> tensors) {
    static Head of(GgufReader reader) {
      LinkedHashMap<String, GgufTensor> byName = new LinkedHashMap<>();
      reader.tensors().forEach(tensor -> byName.put(tensor.name(), tensor));
      return new Head(reader.version(), reader.metadata(), reader.alignment(), Collections.unmodifiableMap(byName));
    }
  }

  private GgufFile(Path path, OpenFile file, Head head) {
    this.path = path;
    this.file = file;
    this.head = head;
  }

  /**
   * Opens a model, a vocabulary or an adapter and checks all that can be checked without another file.
   * A file that is open in this process already is neither opened nor checked again.
   *
   * @throws GgufException if the file is no GGUF, is damaged or contradicts itself
   * @throws UncheckedIOException if it can't be read at all; the message says why
   */
  public static GgufFile open(Path path) {
    OpenFile opened = null;
    try {
      opened = OpenFile.of(path);
      OpenFile named = opened;
      GgufFile file = new GgufFile(path, opened, opened.once(Head.class, () -> checked(path, named)));
      opened = null;
      return file;
    } catch (UncheckedIOException e) {
      throw new UncheckedIOException("cannot read " + path + ": " + e.getCause().getMessage(), e.getCause());
    } catch (NoSuchFileException e) {
      throw new UncheckedIOException("cannot open " + path + ": no such file", e);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + path + ": " + e.getMessage(), e);
    } finally {
      if (opened != null) {
        opened.close();
      }
    }
  }

  /** Like {@link #open}, and refuses what is not a model of an architecture that Sphere supports. */
  public static GgufFile openModel(Path path) {
    GgufFile file = open(path);
    try {
      file.shape();
      return file;
    } catch (RuntimeException e) {
      file.close();
      throw e;
    }
  }

  /** Like {@link #open}, and refuses a file without a tokenizer that Sphere uses (gpt2, llama). */
  public static GgufFile openTokenizer(Path path) {
    GgufFile file = open(path);
    try {
      TokenizerCheck.requireSupported(file);
      return file;
    } catch (RuntimeException e) {
      file.close();
      throw e;
    }
  }

  private static Head checked(Path path, OpenFile file) {
    CheckEvent event = new CheckEvent();
    event.begin();
    Head head;
    try {
      GgufReader reader = new GgufReader(path, file.channel());
      reader.read();
      head = Head.of(reader);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    new GgufFile(path, file, head).check();
    event.path = path.toString();
    event.commit();
    return head;
  }

  private void check() {
    String architecture = head.metadata.requireString("general.architecture");
    head.metadata.string("general.name");
    long splits = head.metadata.has("split.count") ? splitCount() : 1;
    if (splits > 1) {
      throw GgufException.in(path, "one of " + splits
          + " parts of a split model; join them with llama-gguf-split --merge");
    }
    if (kind() == Kind.ADAPTER) {
      AdapterCheck.check(this);
      return;
    }
    if (head.metadata.has("tokenizer.ggml.model")) {
      TokenizerCheck.check(this);
    }
    if (kind() == Kind.MODEL && ModelShape.supports(architecture)) {
      ModelCheck.check(this, ModelShape.of(this));
    }
  }

  private long splitCount() {
    GgufValue value = head.metadata.values().get("split.count");
    if (value.isArray() || value.type() != GgufValue.Type.UINT16) {
      throw GgufException.in(path, "split.count must be a uint16, but is " + value.describe());
    }
    return (Long) value.value();
  }

  public Path path() {
    return path;
  }

  /** The file's size in bytes. */
  public long size() {
    return file.size();
  }

  /** The version of the container: 2 or 3. */
  public int version() {
    return head.version;
  }

  /** The alignment of tensors in the file, in bytes: a power of two. */
  public long alignment() {
    return head.alignment;
  }

  public GgufMetadata metadata() {
    return head.metadata;
  }

  /** All tensors by name, in the file's order. */
  public Map<String, GgufTensor> tensors() {
    return head.tensors;
  }

  /** The tensor of this name; a {@link GgufException} if there is none. */
  public GgufTensor tensor(String name) {
    GgufTensor tensor = head.tensors.get(name);
    if (tensor == null) {
      throw GgufException.in(path, "the tensor " + GgufException.quote(name) + " is missing");
    }
    return tensor;
  }

  /** The architecture, as general.architecture names it: qwen2, llama. */
  public String architecture() {
    return head.metadata.requireString("general.architecture");
  }

  public Kind kind() {
    if (head.metadata.string("general.type").orElse("model").equals("adapter")) {
      return Kind.ADAPTER;
    }
    return head.tensors.isEmpty() ? Kind.VOCABULARY : Kind.MODEL;
  }

  /**
   * The model's dimensions.
   *
   * @throws GgufException if the file is no model, or of an architecture that Sphere doesn't support
   */
  public ModelShape shape() {
    if (kind() != Kind.MODEL) {
      throw GgufException.in(path, kind() == Kind.ADAPTER ? "a LoRA adapter, not a model"
          : "a vocabulary without weights, not a model");
    }
    return ModelShape.of(this);
  }

  /** A tensor's values in F32, dequantised as ggml does; for tensors of at most 2^31 - 9 elements. */
  public float[] readFloats(String name) {
    GgufTensor tensor = tensor(name);
    if (tensor.elements() > Integer.MAX_VALUE - 8) {
      throw new IllegalArgumentException(name + " has " + tensor.elements() + " elements: read it in parts");
    }
    float[] values = new float[(int) tensor.elements()];
    readFloats(tensor, 0, values, values.length);
    return values;
  }

  /**
   * Reads {@code count} values from element {@code from} on into the start of {@code target}.
   *
   * @param from and {@code count} are whole blocks of the tensor's type
   */
  public void readFloats(GgufTensor tensor, long from, float[] target, int count) {
    GgmlType type = tensor.type();
    if (from < 0 || count < 0 || from + count > tensor.elements() || count > target.length
        || from % type.blockSize() != 0 || count % type.blockSize() != 0) {
      throw new IllegalArgumentException("elements " + from + " to " + (from + count) + " of " + tensor);
    }
    int step = Math.max(1, CHUNK_BYTES / type.blockBytes()) * type.blockSize();
    ByteBuffer buffer = ByteBuffer.allocate((int) type.bytes(Math.min(step, count))).order(ByteOrder.LITTLE_ENDIAN);
    for (int done = 0; done < count; ) {
      int n = Math.min(step, count - done);
      readFully(tensor.offset() + type.bytes(from + done), buffer.clear().limit((int) type.bytes(n)));
      Quantization.dequantize(type, buffer.flip(), target, done, n);
      done += n;
    }
  }

  @Override
  public void readBytes(GgufTensor tensor, long from, ByteBuffer target) {
    if (from < 0 || from + target.remaining() > tensor.byteSize()) {
      throw new IllegalArgumentException("bytes " + from + " to " + (from + target.remaining()) + " of " + tensor);
    }
    readFully(tensor.offset() + from, target);
  }

  private void readFully(long offset, ByteBuffer target) {
    try {
      while (target.hasRemaining()) {
        int n = file.channel().read(target, offset);
        if (n < 0) {
          throw GgufException.in(path, "the file has become shorter while it was read");
        }
        offset += n;
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + path + ": " + e.getMessage(), e);
    }
  }

  /** The whole file in memory, as long as {@code arena} lives: mapped where it may be, else read. */
  public MemorySegment map(Arena arena) {
    try {
      if (file.mayBeMapped()) {
        return file.channel().map(FileChannel.MapMode.READ_ONLY, 0, file.size(), arena);
      }
      MemorySegment whole = arena.allocate(file.size(), head.alignment);
      for (long at = 0; at < file.size(); at += CHUNK_BYTES) {
        readFully(at, whole.asSlice(at, Math.min(CHUNK_BYTES, file.size() - at)).asByteBuffer());
      }
      return whole;
    } catch (IOException e) {
      throw new UncheckedIOException("cannot map " + path + ": " + e.getMessage(), e);
    }
  }

  /** SHA-256 of the whole file in lower-case hex: the model's identity in provenance records. Computed once. */
  public String sha256() {
    return file.sha256();
  }

  /** The file itself, which is open as long as this is. */
  public OpenFile file() {
    return file;
  }

  @Override
  public void close() {
    file.close();
  }
}
