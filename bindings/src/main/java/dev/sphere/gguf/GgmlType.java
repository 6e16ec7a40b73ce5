package dev.sphere.gguf;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/**
 * The element types that a tensor in a GGUF file may have: id, elements a block, bytes a block, as in ggml.h and
 * ggml-common.h of llama.cpp v0.5.0. Ids that ggml has retired (4, 5, 31 to 33, 36 to 38) are absent on purpose.
 */
public enum GgmlType {
  F32(0, 1, 4),
  F16(1, 1, 2),
  Q4_0(2, 32, 18),
  Q4_1(3, 32, 20),
  Q5_0(6, 32, 22),
  Q5_1(7, 32, 24),
  Q8_0(8, 32, 34),
  Q8_1(9, 32, 36),
  Q2_K(10, 256, 84),
  Q3_K(11, 256, 110),
  Q4_K(12, 256, 144),
  Q5_K(13, 256, 176),
  Q6_K(14, 256, 210),
  Q8_K(15, 256, 292),
  IQ2_XXS(16, 256, 66),
  IQ2_XS(17, 256, 74),
  IQ3_XXS(18, 256, 98),
  IQ1_S(19, 256, 50),
  IQ4_NL(20, 32, 18),
  IQ3_S(21, 256, 110),
  IQ2_S(22, 256, 82),
  IQ4_XS(23, 256, 136),
  I8(24, 1, 1),
  I16(25, 1, 2),
  I32(26, 1, 4),
  I64(27, 1, 8),
  F64(28, 1, 8),
  IQ1_M(29, 256, 56),
  BF16(30, 1, 2),
  TQ1_0(34, 256, 54),
  TQ2_0(35, 256, 66),
  MXFP4(39, 32, 17),
  NVFP4(40, 64, 36),
  Q1_0(41, 128, 18),
  Q2_0(42, 64, 18);

  private final int id;
  private final int blockSize;
  private final int blockBytes;

  GgmlType(int id, int blockSize, int blockBytes) {
    this.id = id;
    this.blockSize = blockSize;
    this.blockBytes = blockBytes;
  }

  /** The number that stands for this type in a file. */
  public int id() {
    return id;
  }

  /** Elements a block; 1 for types that are not quantised. */
  public int blockSize() {
    return blockSize;
  }

  /** Bytes a block. */
  public int blockBytes() {
    return blockBytes;
  }

  /** Bytes of {@code elements} elements, a multiple of the block size; ArithmeticException on overflow. */
  public long bytes(long elements) {
    if (elements % blockSize != 0) {
      throw new IllegalArgumentException(elements + " elements are not whole blocks of " + blockSize + " (" + label()
          + ")");
    }
    return Math.multiplyExact(elements / blockSize, blockBytes);
  }

  /** Whether a weight matrix may have this type: ggml's CPU backend can multiply with it and look rows up in it. */
  public boolean isWeight() {
    return switch (this) {
      case I8, I16, I32, I64, F64, Q8_1, Q8_K -> false;
      default -> true;
    };
  }

  /** llama.cpp's number (general.file_type) for a model whose matrices are mostly of this type. */
  public int fileType() {
    return switch (this) {
      case F32 -> 0;
      case F16 -> 1;
      case Q4_0 -> 2;
      case Q4_1 -> 3;
      case Q8_0 -> 7;
      case Q5_0 -> 8;
      case Q5_1 -> 9;
      case Q2_K -> 10;
      case Q3_K -> 12;
      case Q4_K -> 15;
      case Q5_K -> 17;
      case Q6_K -> 18;
      case IQ4_NL -> 25;
      case BF16 -> 32;
      default -> throw new IllegalArgumentException("Sphere writes no models of the type " + label());
    };
  }

  /** The name in lower case, as users type it: f32, bf16, q8_0, q4_k. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The type with this number, where ggml has one. */
  public static Optional<GgmlType> byId(long id) {
    return Arrays.stream(values()).filter(type -> type.id == id).findFirst();
  }

  /** The type with this label, in any case; IllegalArgumentException names the label otherwise. */
  public static GgmlType byLabel(String label) {
    try {
      return valueOf(label.toUpperCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("unknown tensor type '" + label + "' (f32, f16, bf16, q8_0, ...)", e);
    }
  }
}
