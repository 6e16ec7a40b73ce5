package dev.sphere.gguf;

import java.util.List;
import java.util.stream.Collectors;

/**
 * Where a tensor lies in a file and what it is.
 *
 * @param name its name, unique in the file, at most 63 bytes
 * @param type its element type
 * @param shape its dimensions in ggml's order: the first one is contiguous (a row); 1 to 4 of them, all at least 1
 * @param offset of its first byte from the start of the file
 * @param byteSize its size in bytes, padding not included
 */
public record GgufTensor(String name, GgmlType type, List<Long> shape, long offset, long byteSize) {
  public GgufTensor {
    shape = List.copyOf(shape);
  }

  /** The dimension {@code index}; 1 past the last one, as in ggml. */
  public long dim(int index) {
    return index < shape.size() ? shape.get(index) : 1;
  }

  /** Number of elements. */
  public long elements() {
    return shape.stream().reduce(1L, Math::multiplyExact);
  }

  /** Elements a row: the first dimension. */
  public long rowLength() {
    return dim(0);
  }

  /** Whether the shape is this one, where trailing ones don't count. */
  public boolean hasShape(long... wanted) {
    for (int i = 0; i < 4; i++) {
      if (dim(i) != (i < wanted.length ? wanted[i] : 1)) {
        return false;
      }
    }
    return true;
  }

  /** The shape as text: 896 x 151936. */
  public String shapeText() {
    return shape.stream().map(String::valueOf).collect(Collectors.joining(" x "));
  }
}
