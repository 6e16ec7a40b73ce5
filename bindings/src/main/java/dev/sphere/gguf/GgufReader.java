package dev.sphere.gguf;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;

/**
 * Parses the head of a GGUF file: header, metadata, tensor table. Every length is checked against what is left of the
 * file before a byte is allocated for it, so that a damaged file costs no more memory than it has bytes.
 */
final class GgufReader {
  static final int MAX_KEYS = 1 << 14;
  static final int MAX_TENSORS = 1 << 16;
  static final int MAX_NAME = 63;
  static final int DEFAULT_ALIGNMENT = 32;
  private static final int MAX_KEY_BYTES = 65535;
  private static final int MAX_STRING_BYTES = 1 << 26;
  private static final int MAX_STRINGS = 1 << 23;
  private static final long MAX_HEAD_BYTES = 1L << 29;

  private final Path path;
  private final FileChannel channel;
  private final long size;
  private final ByteBuffer window = ByteBuffer.allocate(1 << 16).order(ByteOrder.LITTLE_ENDIAN).limit(0);
  /** File offset of the byte after the window's limit. */
  private long windowEnd;

  private int version;
  private GgufMetadata metadata;
  private final List<GgufTensor> tensors = new ArrayList<>();
  private long dataOffset;
  private long alignment;

  GgufReader(Path path, FileChannel channel) throws IOException {
    this.path = path;
    this.channel = channel;
    this.size = channel.size();
  }

  int version() {
    return version;
  }

  GgufMetadata metadata() {
    return metadata;
  }

  List<GgufTensor> tensors() {
    return tensors;
  }

  long dataOffset() {
    return dataOffset;
  }

  long alignment() {
    return alignment;
  }

  void read() throws IOException {
    if (size < 24) {
      throw fail("too short for a GGUF file: " + size + " bytes");
    }
    int magic = int32("the magic");
    if (magic != 0x46554747) {
      throw fail(0, "not a GGUF file: the first four bytes are " + String.format("%08x", Integer.reverseBytes(magic))
          + ", not 47475546 ('GGUF')");
    }
    version = int32("the version");
    if (version != 2 && version != 3) {
      throw fail(4, (version & 0xFFFF) == 0 ? "a big-endian GGUF file, which is not supported"
          : "GGUF version " + Integer.toUnsignedString(version) + " is not supported (2 and 3 are)");
    }
    long tensorCount = count("tensors", MAX_TENSORS);
    long keyCount = count("metadata keys", MAX_KEYS);
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
    long start = position();
    String key = string("metadata key " + index, MAX_KEY_BYTES);
    if (key.isEmpty() || key.indexOf('\0') >= 0) {
      throw fail(start, "metadata key " + index + " is empty or holds a zero byte");
    }
    String what = "the value of " + GgufException.quote(key);
    GgufValue.Type type = valueType(what);
    GgufValue value = type == GgufValue.Type.ARRAY ? array(what) : new GgufValue(type, false, scalar(type, what));
    if (values.put(key, value) != null) {
      throw fail(start, "the metadata key " + GgufException.quote(key) + " stands there twice");
    }
  }

  private GgufValue.Type valueType(String what) throws IOException {
    long start = position();
    int id = int32("the type of " + what);
    if (id < 0 || id >= GgufValue.Type.values().length) {
      throw fail(start, what + " has the unknown type " + Integer.toUnsignedString(id));
    }
    return GgufValue.Type.values()[id];
  }

  private Object scalar(GgufValue.Type type, String what) throws IOException {
    if (type == GgufValue.Type.STRING) {
      return string(what, MAX_STRING_BYTES);
    }
    need(type.size(), what);
    return switch (type) {
      case UINT8 -> (long) (window.get() & 0xFF);
      case INT8 -> (long) window.get();
      case UINT16 -> (long) (window.getShort() & 0xFFFF);
      case INT16 -> (long) window.getShort();
      case UINT32 -> window.getInt() & 0xFFFFFFFFL;
      case INT32 -> (long) window.getInt();
      case UINT64, INT64 -> window.getLong();
      case FLOAT32 -> window.getFloat();
      case FLOAT64 -> window.getDouble();
      case BOOL -> bool(what);
      case STRING, ARRAY -> throw new AssertionError(type);
    };
  }

  private boolean bool(String what) throws IOException {
    need(1, what);
    byte value = window.get();
    if (value != 0 && value != 1) {
      throw fail(position() - 1, what + " is a bool with the value " + value + ", not 0 or 1");
    }
    return value == 1;
  }

  private GgufValue array(String what) throws IOException {
    GgufValue.Type type = valueType("an element of " + what);
    long start = position();
    long length = int64("the length of " + what);
    if (type == GgufValue.Type.ARRAY) {
      throw fail(start, what + " is an array of arrays, which is not supported");
    }
    long least = type == GgufValue.Type.STRING ? 8 : type.size();
    if (length < 0 || length > left() / least || (type == GgufValue.Type.STRING && length > MAX_STRINGS)) {
      throw fail(start, what + " has " + Long.toUnsignedString(length) + " elements, but only " + left()
          + " bytes are left in the file");
    }
    if (length * least > MAX_HEAD_BYTES) {
      throw fail(start, what + " takes more than " + MAX_HEAD_BYTES + " bytes");
    }
    int n = (int) length;
    Object array = switch (type) {
      case UINT8, INT8 -> new byte[n];
      case UINT16, INT16 -> new short[n];
      case UINT32, INT32 -> new int[n];
      case UINT64, INT64 -> new long[n];
      case FLOAT32 -> new float[n];
      case FLOAT64 -> new double[n];
      case BOOL -> new boolean[n];
      case STRING -> new String[n];
      case ARRAY -> throw new AssertionError();
    };
    for (int i = 0; i < n; i++) {
      if (type != GgufValue.Type.STRING) {
        need(type.size(), what);
      }
      switch (array) {
        case byte[] a -> a[i] = window.get();
        case short[] a -> a[i] = window.getShort();
        case int[] a -> a[i] = window.getInt();
        case long[] a -> a[i] = window.getLong();
        case float[] a -> a[i] = window.getFloat();
        case double[] a -> a[i] = window.getDouble();
        case boolean[] a -> a[i] = bool(what);
        case String[] a -> a[i] = string(what, MAX_STRING_BYTES);
        default -> throw new AssertionError();
      }
    }
    return new GgufValue(type, true, array);
  }

  private void readTensors(long count) throws IOException {
    record Entry(String name, GgmlType type, List<Long> shape, long offset, long byteSize, long at) {}
    List<Entry> entries = new ArrayList<>();
    for (long i = 0; i < count; i++) {
      long start = position();
      String name = string("the name of tensor " + i, MAX_NAME);
      if (name.isEmpty() || name.indexOf('\0') >= 0) {
        throw fail(start, "the name of tensor " + i + " is empty or holds a zero byte");
      }
      String what = "tensor " + GgufException.quote(name);
      List<Long> shape = shape(what);
      int id = int32("the type of " + what);
      GgmlType type = GgmlType.byId(id);
      if (type == null) {
        throw fail(position() - 4, what + " has the type " + Integer.toUnsignedString(id) + ", which ggml doesn't know");
      }
      if (shape.getFirst() % type.blockSize() != 0) {
        throw fail(start, what + " has rows of " + shape.getFirst() + " elements, not whole blocks of "
            + type.blockSize() + " (" + type.label() + ")");
      }
      entries.add(new Entry(name, type, shape, int64("the offset of " + what), byteSize(what, type, shape, start), start));
    }
    dataOffset = count == 0 ? position() : pad(position());
    long expected = 0;
    var names = new java.util.HashSet<String>();
    for (Entry entry : entries) {
      String what = "tensor " + GgufException.quote(entry.name);
      if (!names.add(entry.name)) {
        throw fail(entry.at, what + " stands there twice");
      }
      // llama.cpp takes tensors only back to back, each padded to the alignment: no gap, no overlap.
      if (entry.offset != expected) {
        throw fail(entry.at, what + " has the offset " + Long.toUnsignedString(entry.offset) + ", expected " + expected);
      }
      if (entry.byteSize > size - dataOffset - expected) {
        throw fail(entry.at, what + " needs " + entry.byteSize + " bytes from byte " + (dataOffset + expected)
            + " on, but the file ends at byte " + size + ": it is truncated");
      }
      tensors.add(new GgufTensor(entry.name, entry.type, entry.shape, dataOffset + expected, entry.byteSize));
      expected = pad(expected + entry.byteSize);
    }
  }

  private List<Long> shape(String what) throws IOException {
    long start = position();
    int rank = int32("the number of dimensions of " + what);
    if (rank < 1 || rank > 4) {
      throw fail(start, what + " has " + Integer.toUnsignedString(rank) + " dimensions, not 1 to 4");
    }
    List<Long> shape = new ArrayList<>();
    for (int i = 0; i < rank; i++) {
      long dim = int64("the shape of " + what);
      if (dim < 1) {
        throw fail(position() - 8, what + " has the dimension " + dim + ", expected at least 1");
      }
      shape.add(dim);
    }
    return shape;
  }

  private long byteSize(String what, GgmlType type, List<Long> shape, long start) {
    try {
      return type.bytes(shape.stream().reduce(1L, Math::multiplyExact));
    } catch (ArithmeticException e) {
      throw fail(start, what + " has a shape whose size overflows: " + shape);
    }
  }

  private long pad(long offset) {
    try {
      return Math.addExact(offset, alignment - 1) & -alignment;
    } catch (ArithmeticException e) {
      throw GgufException.in(path, "an offset overflows");
    }
  }

  private long count(String what, int most) throws IOException {
    long count = int64("the number of " + what);
    if (count < 0 || count > most) {
      throw fail(position() - 8, "the number of " + what + " is " + Long.toUnsignedString(count) + ", expected at most "
          + most);
    }
    return count;
  }

  private int int32(String what) throws IOException {
    need(4, what);
    return window.getInt();
  }

  private long int64(String what) throws IOException {
    need(8, what);
    return window.getLong();
  }

  private String string(String what, int most) throws IOException {
    long start = position();
    long length = int64("the length of " + what);
    if (length < 0 || length > most) {
      throw fail(start, what + " is a string of " + Long.toUnsignedString(length) + " bytes, expected at most " + most);
    }
    if (length > left()) {
      throw truncated(start, what, length);
    }
    byte[] bytes = new byte[(int) length];
    for (int done = 0; done < bytes.length; ) {
      if (!window.hasRemaining()) {
        fill(1, what);
      }
      int n = Math.min(window.remaining(), bytes.length - done);
      window.get(bytes, done, n);
      done += n;
    }
    String text = new String(bytes, StandardCharsets.UTF_8);
    return text.indexOf('\uFFFD') < 0 ? text : decode(bytes, start, what);
  }

  /** The slow way, taken only where a replacement character shows up: is it in the file, or is the file damaged? */
  private String decode(byte[] bytes, long start, String what) {
    try {
      return StandardCharsets.UTF_8.newDecoder().onMalformedInput(CodingErrorAction.REPORT)
          .decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw fail(start, what + " is not valid UTF-8");
    }
  }

  private long position() {
    return windowEnd - window.remaining();
  }

  private long left() {
    return size - position();
  }

  private void need(int bytes, String what) throws IOException {
    if (window.remaining() < bytes) {
      fill(bytes, what);
    }
  }

  private void fill(int bytes, String what) throws IOException {
    if (bytes > left()) {
      throw truncated(position(), what, bytes);
    }
    if (windowEnd > MAX_HEAD_BYTES) {
      throw fail("the metadata takes more than " + MAX_HEAD_BYTES + " bytes");
    }
    window.compact();
    while (window.position() < bytes) {
      int n = channel.read(window, windowEnd);
      if (n < 0) {
        throw truncated(windowEnd, what, bytes);
      }
      windowEnd += n;
    }
    window.flip();
  }

  private GgufException truncated(long start, String what, long bytes) {
    return fail(start, what + " needs " + bytes + " bytes, but the file ends at byte " + size + ": it is truncated");
  }

  private GgufException fail(String message) {
    return GgufException.in(path, message);
  }

  private GgufException fail(long offset, String message) {
    return GgufException.at(path, offset, message);
  }
}
