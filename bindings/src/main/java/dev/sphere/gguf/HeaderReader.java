package dev.sphere.gguf;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * Reads the numbers, strings and values of a GGUF file's header, one after the other through a small window.
 * Every length is checked against what is left of the file before a byte is allocated for it. Each method takes the
 * name of what it reads, for the message of the {@link GgufException} that it throws on damage.
 */
final class HeaderReader {
  private static final int MAX_STRING_BYTES = 1 << 26;
  private static final int MAX_STRINGS = 1 << 23;
  private static final long MAX_HEAD_BYTES = 1L << 29;

  private final Path path;
  private final FileChannel channel;
  private final long size;
  private final ByteBuffer window = ByteBuffer.allocate(1 << 16).order(ByteOrder.LITTLE_ENDIAN).limit(0);
  /** File offset of the byte after the window's limit. */
  private long windowEnd;

  HeaderReader(Path path, FileChannel channel) throws IOException {
    this.path = path;
    this.channel = channel;
    this.size = channel.size();
  }

  /** Bytes of the file. */
  long size() {
    return size;
  }

  /** The offset in the file of the byte that comes next. */
  long position() {
    return windowEnd - window.remaining();
  }

  /** A number of things, 0 to {@code most}. */
  long count(String what, int most) throws IOException {
    long count = int64("the number of " + what);
    if (count < 0 || count > most) {
      throw fail(position() - 8, "the number of " + what + " is " + Long.toUnsignedString(count) + ", expected at most "
          + most);
    }
    return count;
  }

  int int32(String what) throws IOException {
    need(4, what);
    return window.getInt();
  }

  long int64(String what) throws IOException {
    need(8, what);
    return window.getLong();
  }

  /** A string of at most {@code most} bytes, in valid UTF-8. */
  String string(String what, int most) throws IOException {
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

  /** A value of metadata, its type before it. */
  GgufValue value(String what) throws IOException {
    GgufValue.Type type = valueType(what);
    return type == GgufValue.Type.ARRAY ? array(what) : new GgufValue(type, false, scalar(type, what));
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

  /** The slow way, taken only where a replacement character shows up: is it in the file, or is the file damaged? */
  private String decode(byte[] bytes, long start, String what) {
    try {
      return StandardCharsets.UTF_8.newDecoder().onMalformedInput(CodingErrorAction.REPORT)
          .decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw fail(start, what + " is not valid UTF-8");
    }
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

  /** Damage somewhere in the file. */
  GgufException fail(String message) {
    return GgufException.in(path, message);
  }

  /** Damage at this offset of the file. */
  GgufException fail(long offset, String message) {
    return GgufException.at(path, offset, message);
  }

  private GgufException truncated(long start, String what, long bytes) {
    return fail(start, what + " needs " + bytes + " bytes, but the file ends at byte " + size + ": it is truncated");
  }
}
