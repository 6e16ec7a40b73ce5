package dev.sphere.gguf;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * Where the numbers lie that give a sound GGUF file its structure: counts, lengths, types, dimensions, offsets. Written
 * apart from the reader that it helps to test.
 */
final class HeadMap {
  /**
   * A little-endian integer in the file.
   *
   * @param size 4 or 8 bytes
   */
  record Point(int offset, int size, String what) {}

  private final ByteBuffer bytes;
  private final List<Point> points = new ArrayList<>();

  private HeadMap(byte[] file) {
    this.bytes = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
  }

  static List<Point> of(byte[] file) {
    HeadMap map = new HeadMap(file);
    map.walk();
    return map.points;
  }

  /** The first byte after the tensor table. */
  static int end(byte[] file) {
    HeadMap map = new HeadMap(file);
    map.walk();
    return map.bytes.position();
  }

  private long number(int size, String what) {
    points.add(new Point(bytes.position(), size, what));
    return size == 4 ? bytes.getInt() : bytes.getLong();
  }

  private void string(String what) {
    long length = number(8, what + " length");
    bytes.position((int) (bytes.position() + length));
  }

  private void walk() {
    number(4, "magic");
    number(4, "version");
    long tensors = number(8, "tensor count");
    long keys = number(8, "key count");
    for (long i = 0; i < keys; i++) {
      string("key");
      int type = (int) number(4, "value type");
      if (type == GgufValue.Type.ARRAY.ordinal()) {
        int element = (int) number(4, "element type");
        long length = number(8, "array length");
        for (long j = 0; j < length; j++) {
          value(GgufValue.Type.values()[element], "element");
        }
      } else {
        value(GgufValue.Type.values()[type], "value");
      }
    }
    for (long i = 0; i < tensors; i++) {
      string("tensor name");
      int rank = (int) number(4, "rank");
      for (int j = 0; j < rank; j++) {
        number(8, "dimension");
      }
      number(4, "tensor type");
      number(8, "tensor offset");
    }
  }

  private void value(GgufValue.Type type, String what) {
    if (type == GgufValue.Type.STRING) {
      string(what);
    } else if (type.size() >= 4) {
      number(type.size(), what);
    } else {
      bytes.position(bytes.position() + type.size());
    }
  }
}
