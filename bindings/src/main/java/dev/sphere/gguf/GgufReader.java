package dev.sphere.gguf;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;

/**
 * Parses the head of a GGUF file: header, metadata, tensor table. {@link HeaderReader} checks every length before it
 * allocates, so that a damaged file costs no more memory than it has bytes.
 */
public final class GgufReader {
  static final int MAX_KEYS = 1 << 14;
  static final int MAX_TENSORS = 1 << 16;
  static final int MAX_NAME = 63;
  static final int DEFAULT_ALIGNMENT = 32;
  private static final int MAX_KEY_BYTES = 65535;

  private final Path path;
  private final HeaderReader head;

  private int version;
  private GgufMetadata metadata;
  private final List<GgufTensor> tensors = new ArrayList<>();
  private long alignment;

  public GgufReader(Path path, FileChannel channel) throws IOException {
    this.path = path;
    this.head = new HeaderReader(path, channel);
  }

  public int version() {
    return version;
  }

  public GgufMetadata metadata() {
    return metadata;
  }

  public List<GgufTensor> tensors() {
    return tensors;
  }

  public long alignment() {
    return alignment;
  }

  public void read() throws IOException {
    if (head.size() < 24) {
      throw head.fail("too short for a GGUF file: " + head.size() + " bytes");
    }
    int magic = head.int32("the magic");
    if (magic != 0x46554747) {
      throw head.fail(0, "not a GGUF file: the first four bytes are "
          + String.format("%08x", Integer.reverseBytes(magic))
          + ", not 47475546 ('GGUF')");
    }
    version = head.int32("the version");
    if (version != 2 && version != 3) {
      throw head.fail(4, (version & 0xFFFF) == 0 ? "a big-endian GGUF file, which is not supported"
          : "GGUF version " + Integer.toUnsignedString(version) + " is not supported (2 and 3 are)");
    }
    long tensorCount = head.count("tensors", MAX_TENSORS);
    long keyCount = head.count("metadata keys", MAX_KEYS);
    LinkedHashMap<String, GgufValue> values = new LinkedHashMap<>();
    for (long i = 0; i < keyCount; i++) {
      readKey(i, values);
    }
    metadata = new GgufMetadata(path.toString(), values);
    alignment = metadata.u32("general.alignment").orElse(DEFAULT_ALIGNMENT);
    if (Long.bitCount(alignment) != 1) {
      throw GgufException.in(path, "general.alignment is " + alignment + ", not a power of two");
    }
    readTensors(tensorCount);
  }

  private void readKey(long index, LinkedHashMap<String, GgufValue> values) throws IOException {
    long start = head.position();
    String key = head.string("metadata key " + index, MAX_KEY_BYTES);
    if (key.isEmpty() || key.indexOf('\0') >= 0) {
      throw head.fail(start, "metadata key " + index + " is empty or holds a zero byte");
    }
    String what = "the value of " + GgufException.quote(key);
    if (values.put(key, head.value(what)) != null) {
      throw head.fail(start, "the metadata key " + GgufException.quote(key) + " stands there twice");
    }
  }

  private void readTensors(long count) throws IOException {
    record Entry(String name, GgmlType type, List<Long> shape, long offset, long byteSize, long at) {}
    List<Entry> entries = new ArrayList<>();
    for (long i = 0; i < count; i++) {
      long start = head.position();
      String name = head.string("the name of tensor " + i, MAX_NAME);
      if (name.isEmpty() || name.indexOf('\0') >= 0) {
        throw head.fail(start, "the name of tensor " + i + " is empty or holds a zero byte");
      }
      String what = "tensor " + GgufException.quote(name);
      List<Long> shape = shape(what);
      int id = head.int32("the type of " + what);
      GgmlType type = GgmlType.byId(id).orElseThrow(() -> head.fail(head.position() - 4,
          what + " has the type " + Integer.toUnsignedString(id) + ", which ggml doesn't know"));
      if (shape.getFirst() % type.blockSize() != 0) {
        throw head.fail(start, what + " has rows of " + shape.getFirst() + " elements, not whole blocks of "
            + type.blockSize() + " (" + type.label() + ")");
      }
      long offset = head.int64("the offset of " + what);
      entries.add(new Entry(name, type, shape, offset, byteSize(what, type, shape, start), start));
    }
    long dataOffset = count == 0 ? head.position() : pad(head.position());
    long expected = 0;
    var names = new HashSet<String>();
    for (Entry entry : entries) {
      String what = "tensor " + GgufException.quote(entry.name);
      if (!names.add(entry.name)) {
        throw head.fail(entry.at, what + " stands there twice");
      }
      // llama.cpp takes tensors only back to back, each padded to the alignment: no gap, no overlap.
      if (entry.offset != expected) {
        throw head.fail(entry.at,
            what + " has the offset " + Long.toUnsignedString(entry.offset) + ", expected " + expected);
      }
      if (entry.byteSize > head.size() - dataOffset - expected) {
        throw head.fail(entry.at, what + " needs " + entry.byteSize + " bytes from byte " + (dataOffset + expected)
            + " on, but the file ends at byte " + head.size() + ": it is truncated");
      }
      tensors.add(new GgufTensor(entry.name, entry.type, entry.shape, dataOffset + expected, entry.byteSize));
      expected = pad(expected + entry.byteSize);
    }
  }

  private List<Long> shape(String what) throws IOException {
    long start = head.position();
    int rank = head.int32("the number of dimensions of " + what);
    if (rank < 1 || rank > 4) {
      throw head.fail(start, what + " has " + Integer.toUnsignedString(rank) + " dimensions, not 1 to 4");
    }
    List<Long> shape = new ArrayList<>();
    for (int i = 0; i < rank; i++) {
      long dim = head.int64("the shape of " + what);
      if (dim < 1) {
        throw head.fail(head.position() - 8, what + " has the dimension " + dim + ", expected at least 1");
      }
      shape.add(dim);
    }
    return shape;
  }

  private long byteSize(String what, GgmlType type, List<Long> shape, long start) {
    try {
      return type.bytes(shape.stream().reduce(1L, Math::multiplyExact));
    } catch (ArithmeticException e) {
      throw head.fail(start, what + " has a shape whose size overflows: " + shape);
    }
  }

  private long pad(long offset) {
    try {
      return Math.addExact(offset, alignment - 1) & -alignment;
    } catch (ArithmeticException e) {
      throw GgufException.in(path, "an offset overflows");
    }
  }
}
