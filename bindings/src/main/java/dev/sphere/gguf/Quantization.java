package dev.sphere.gguf;

import java.nio.ByteBuffer;

/**
 * ggml's element types to F32 and back, bit for bit as ggml's reference code does it. Plain Java: for files, tests and
 * small jobs; where speed counts, ggml itself works on the mapped file.
 */
public final class Quantization {
  private Quantization() {}

  /** Whether {@link #dequantize} knows the type. */
  public static boolean canDequantize(GgmlType type) {
    return switch (type) {
      case F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, IQ4_NL, IQ4_XS, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K -> true;
      default -> false;
    };
  }

  /** Whether {@link #quantize} knows the type. */
  public static boolean canQuantize(GgmlType type) {
    return switch (type) {
      case F32, F16, BF16, Q8_0 -> true;
      default -> false;
    };
  }

  /**
   * Decodes {@code count} elements (whole blocks) from {@code source}, little-endian, into {@code target} from
   * {@code at} on.
   */
  public static void dequantize(GgmlType type, ByteBuffer source, float[] target, int at, int count) {
    switch (type) {
      case F32 -> source.asFloatBuffer().get(target, at, count);
      case F16 -> {
        for (int i = 0; i < count; i++) {
          target[at + i] = Float.float16ToFloat(source.getShort());
        }
      }
      case BF16 -> {
        for (int i = 0; i < count; i++) {
          target[at + i] = Float.intBitsToFloat(source.getShort() << 16);
        }
      }
      default -> {
        if (!canDequantize(type)) {
          throw new GgufException("tensors of the type " + type.label() + " can't be decoded in Java");
        }
        for (int i = 0; i < count; i += type.blockSize()) {
          BlockFormats.decode(type, source, target, at + i);
        }
      }
    }
  }

  /**
   * Encodes {@code count} elements (whole blocks) of {@code source} from {@code from} on into {@code target},
   * little-endian: F32 as is, F16 and BF16 to nearest even, Q8_0 as ggml's reference quantisation.
   */
  public static void quantize(GgmlType type, float[] source, int from, int count, ByteBuffer target) {
    switch (type) {
      case F32 -> {
        target.asFloatBuffer().put(source, from, count);
        target.position(target.position() + 4 * count);
      }
      case F16 -> {
        for (int i = 0; i < count; i++) {
          target.putShort(Float.floatToFloat16(source[from + i]));
        }
      }
      case BF16 -> {
        for (int i = 0; i < count; i++) {
          target.putShort(toBf16(source[from + i]));
        }
      }
      case Q8_0 -> {
        for (int i = 0; i < count; i += 32) {
          quantizeQ8(source, from + i, target);
        }
      }
      default -> throw new IllegalArgumentException("Sphere writes f32, f16, bf16 and q8_0, not " + type.label());
    }
  }

  /** F32 to BF16, to nearest even; a NaN stays a (quiet) NaN. */
  static short toBf16(float value) {
    int bits = Float.floatToRawIntBits(value);
    if ((bits & 0x7FFFFFFF) > 0x7F800000) {
      return (short) (bits >>> 16 | 64);
    }
    return (short) (bits + 0x7FFF + (bits >>> 16 & 1) >>> 16);
  }

  private static void quantizeQ8(float[] source, int from, ByteBuffer target) {
    float largest = 0;
    for (int i = 0; i < 32; i++) {
      largest = Math.max(largest, Math.abs(source[from + i]));
    }
    float scale = largest / 127;
    float inverse = scale != 0 ? 1 / scale : 0;
    target.putShort(Float.floatToFloat16(scale));
    for (int i = 0; i < 32; i++) {
      target.put((byte) roundHalfAway(source[from + i] * inverse));
    }
  }

  /** C's roundf: halves away from zero. */
  private static int roundHalfAway(float value) {
    int whole = (int) value;
    float rest = value - whole;
    return rest >= 0.5f ? whole + 1 : rest <= -0.5f ? whole - 1 : whole;
  }
}
