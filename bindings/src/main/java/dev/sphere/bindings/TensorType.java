package dev.sphere.bindings;

/** Element types of tensors: ggml's names and numbers. Quantised types are blocks of {@link #blockSize} elements. */
public enum TensorType {
  F32(0, 1, 4),
  F16(1, 1, 2),
  Q4_0(2, 32, 18),
  Q4_1(3, 32, 20),
  Q5_0(6, 32, 22),
  Q5_1(7, 32, 24),
  Q8_0(8, 32, 34),
  Q2_K(10, 256, 84),
  Q3_K(11, 256, 110),
  Q4_K(12, 256, 144),
  Q5_K(13, 256, 176),
  Q6_K(14, 256, 210),
  I32(26, 1, 4),
  BF16(30, 1, 2);

  private final int id;
  private final int blockSize;
  private final int blockBytes;

  TensorType(int id, int blockSize, int blockBytes) {
    this.id = id;
    this.blockSize = blockSize;
    this.blockBytes = blockBytes;
  }

  /** The number that ggml and GGUF files use. */
  public int id() {
    return id;
  }

  /** Elements in one block; 1 for plain types. */
  public int blockSize() {
    return blockSize;
  }

  /** Bytes of {@code elements} elements of this type. */
  public long bytes(long elements) {
    if (elements % blockSize != 0) {
      throw new IllegalArgumentException(elements + " elements are no whole number of " + this + " blocks");
    }
    return Math.multiplyExact(elements / blockSize, (long) blockBytes);
  }

  /**
   * The type with ggml's number {@code id}.
   *
   * @throws IllegalArgumentException for a number that no supported type has
   */
  public static TensorType of(int id) {
    for (TensorType type : values()) {
      if (type.id == id) {
        return type;
      }
    }
    throw new IllegalArgumentException("tensor type " + id + " is not supported");
  }
}
