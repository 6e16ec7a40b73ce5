package dev.sphere.gguf;

import dev.sphere.base.AtomicFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes a GGUF file of version 3, little-endian: metadata and tensors in the order in which they are added. Tensor
 * data is streamed from its sources when {@link #write} runs, so that memory stays small. The file appears under its
 * name only when it is complete and on the disk: it is written beside it, synced and renamed.
 */
public final class GgufWriter {

  /** A source of a tensor's data: it is called once and writes exactly the tensor's elements. */
  @FunctionalInterface
  public interface Source {
    void writeTo(Output out) throws IOException;
  }

  private record Entry(String name, GgmlType type, List<Long> shape, long byteSize, Source source) {}

  private static final int CHUNK_BYTES = 1 << 20;

  private final Map<String, GgufValue> metadata = new LinkedHashMap<>();
  private final Map<String, Entry> tensors = new LinkedHashMap<>();
  private final BlockQuantizer quantizer;
  private int alignment = GgufReader.DEFAULT_ALIGNMENT;

  /** Writes F32 values as what {@link Quantization#canQuantize} names, and bytes of any type. */
  public GgufWriter() {
    this((type, values, from, count) -> {
      throw new IllegalArgumentException("Sphere writes f32, f16, bf16 and q8_0, not " + type.label());
    });
  }

  /** @param quantizer for the types that {@link Quantization} can't write */
  public GgufWriter(BlockQuantizer quantizer) {
    this.quantizer = quantizer;
  }

  /** Sets a key; a key that is set again keeps its place. */
  public GgufWriter put(String key, GgufValue value) {
    if (key.equals("general.alignment")) {
      alignment = Math.toIntExact((Long) value.value());
      if (Integer.bitCount(alignment) != 1) {
        throw new IllegalArgumentException("general.alignment " + alignment + " is no power of two");
      }
    }
    metadata.put(key, value);
    return this;
  }

  /** Sets all keys of another file's metadata, in their order. */
  public GgufWriter putAll(GgufMetadata other) {
    other.values().forEach(this::put);
    return this;
  }

  /**
   * Adds a tensor whose data is streamed later.
   *
   * @param shape in ggml's order, rows first, 1 to 4 dimensions
   */
  public GgufWriter tensor(String name, GgmlType type, List<Long> shape, Source source) {
    byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
    if (bytes.length == 0 || bytes.length > GgufReader.MAX_NAME) {
      throw new IllegalArgumentException("tensor name '" + name + "' is not 1 to " + GgufReader.MAX_NAME
          + " bytes long");
    }
    if (shape.isEmpty() || shape.size() > 4 || shape.stream().anyMatch(dim -> dim < 1)) {
      throw new IllegalArgumentException("tensor '" + name + "' has the shape " + shape);
    }
    if (shape.getFirst() % type.blockSize() != 0) {
      throw new IllegalArgumentException("tensor '" + name + "' has rows of " + shape.getFirst()
          + " elements, not whole blocks of " + type.blockSize() + " (" + type.label() + ")");
    }
    long byteSize = type.bytes(shape.stream().reduce(1L, Math::multiplyExact));
    if (tensors.putIfAbsent(name, new Entry(name, type, List.copyOf(shape), byteSize, source)) != null) {
      throw new IllegalArgumentException("tensor '" + name + "' is there already");
    }
    return this;
  }

  /** Adds a tensor from its values, converted to {@code type} when it is written. */
  public GgufWriter tensor(String name, GgmlType type, List<Long> shape, float[] values) {
    return tensor(name, type, shape, out -> out.floats(values, 0, values.length));
  }

  /** Adds a tensor of another file as it is, byte for byte. */
  public GgufWriter copy(TensorBytes from, GgufTensor tensor) {
    return tensor(tensor.name(), tensor.type(), tensor.shape(), out -> {
      ByteBuffer buffer = ByteBuffer.allocate(CHUNK_BYTES);
      for (long at = 0; at < tensor.byteSize(); at += buffer.limit()) {
        buffer.clear().limit((int) Math.min(CHUNK_BYTES, tensor.byteSize() - at));
        from.readBytes(tensor, at, buffer);
        out.bytes(buffer.flip());
      }
    });
  }

  /**
   * Writes the file, replacing one of that name. If anything fails, nothing is left behind and a file that was there
   * before is as it was.
   *
   * @throws UncheckedIOException with the path and the cause (disk full, no permission)
   */
  public void write(Path path) {
    write(path, AtomicFile.Access.UMASK);
  }

  /** Writes the file as {@link #write(Path)} does, with other permissions than the user's umask gives. */
  public void write(Path path, AtomicFile.Access access) {
    Path parent = path.toAbsolutePath().getParent();
    if (!Files.isDirectory(parent)) {
      String why = "there is no directory " + parent;
      throw new UncheckedIOException("cannot write " + path + ": " + why, new IOException(why));
    }
    try {
      AtomicFile.write(path, AtomicFile.uniqueName(path), access, this::writeTo);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + path + ": " + e.getMessage(), e);
    }
  }

  /** Straight under its name, without waiting for the disk: for tests that write thousands of files. */
  void writeFast(Path path) {
    try {
      Files.deleteIfExists(path); // who has it open keeps it as it is
      try (FileChannel channel = FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
        writeTo(channel);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + path + ": " + e.getMessage(), e);
    }
  }

  private void writeTo(FileChannel channel) throws IOException {
    Output out = new Output(channel, quantizer);
    out.bytes(ByteBuffer.wrap(head()));
    for (Entry entry : tensors.values()) {
      out.pad(alignment);
      long start = out.position();
      out.type = entry.type;
      entry.source.writeTo(out);
      if (out.position() - start != entry.byteSize) {
        throw new IllegalStateException("tensor '" + entry.name + "' got " + (out.position() - start)
            + " bytes, expected "
            + entry.byteSize);
      }
    }
    out.pad(tensors.isEmpty() ? 1 : alignment);
    out.flush();
  }

  private byte[] head() {
    HeaderWriter head = new HeaderWriter();
    head.int32(0x46554747);
    head.int32(3);
    head.int64(tensors.size());
    head.int64(metadata.size());
    metadata.forEach(head::key);
    long offset = 0;
    for (Entry entry : tensors.values()) {
      head.string(entry.name);
      head.int32(entry.shape.size());
      entry.shape.forEach(head::int64);
      head.int32(entry.type.id());
      head.int64(offset);
      offset = offset + entry.byteSize + alignment - 1 & -alignment;
    }
    return head.toByteArray();
  }

  /** The sink that a source writes a tensor's data into, in one or many calls. */
  public static final class Output {
    private final FileChannel channel;
    private final BlockQuantizer quantizer;
    private final ByteBuffer buffer = ByteBuffer.allocateDirect(CHUNK_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    private long flushed;
    private GgmlType type;

    private Output(FileChannel channel, BlockQuantizer quantizer) {
      this.channel = channel;
      this.quantizer = quantizer;
    }

    /**
     * Values from {@code from} on, whole blocks of the tensor's type, converted to it: in Java where
     * {@link Quantization#canQuantize}, else by the writer's {@link BlockQuantizer}.
     */
    public void floats(float[] values, int from, int count) throws IOException {
      if (count % type.blockSize() != 0) {
        throw new IllegalArgumentException(count + " values are not whole blocks of " + type.label());
      }
      if (!Quantization.canQuantize(type)) {
        bytes(quantizer.quantize(type, values, from, count));
        return;
      }
      for (int done = 0; done < count; ) {
        int room = buffer.remaining() / type.blockBytes() * type.blockSize();
        if (room == 0) {
          flush();
          continue;
        }
        int n = Math.min(room, count - done);
        Quantization.quantize(type, values, from + done, n, buffer);
        done += n;
      }
    }

    /** Bytes that are the tensor's type already. */
    public void bytes(ByteBuffer source) throws IOException {
      while (source.hasRemaining()) {
        if (!buffer.hasRemaining()) {
          flush();
        }
        int n = Math.min(buffer.remaining(), source.remaining());
        buffer.put(buffer.position(), source, source.position(), n).position(buffer.position() + n);
        source.position(source.position() + n);
      }
    }

    private long position() {
      return flushed + buffer.position();
    }

    private void pad(int alignment) throws IOException {
      while (position() % alignment != 0) {
        if (!buffer.hasRemaining()) {
          flush();
        }
        buffer.put((byte) 0);
      }
    }

    private void flush() throws IOException {
      buffer.flip();
      while (buffer.hasRemaining()) {
        flushed += channel.write(buffer);
      }
      buffer.clear();
    }
  }
}
