package dev.sphere.bindings.tensor;

import dev.sphere.gguf.GgmlType;

/** The element types of which a {@link Tensor} can be: those of {@link GgmlType} that this project computes with. */
public enum TensorType {
  F32,
  F16,
  Q4_0,
  Q4_1,
  Q5_0,
  Q5_1,
  Q8_0,
  Q2_K,
  Q3_K,
  Q4_K,
  Q5_K,
  Q6_K,
  IQ4_NL,
  IQ4_XS,
  I32,
  BF16;

  private final GgmlType ggml = GgmlType.valueOf(name());

  /** The number that ggml and GGUF files use. */
  public int id() {
    return ggml.id();
  }

  /** Elements in one block; 1 for plain types. */
  public int blockSize() {
    return ggml.blockSize();
  }

  /** Bytes of {@code elements} elements of this type, whole blocks. */
  public long bytes(long elements) {
    return ggml.bytes(elements);
  }

  /**
   * The type with ggml's number {@code id}.
   *
   * @throws IllegalArgumentException for a number that no supported type has
   */
  public static TensorType of(int id) {
    for (TensorType type : values()) {
      if (type.id() == id) {
        return type;
      }
    }
    throw new IllegalArgumentException("tensor type " + id + " is not supported");
  }
}
