package dev.sphere.gguf;

import java.util.Objects;

/**
 * One metadata value. Scalars are a Long (every integer type; uint64 as its bits), Float, Double, Boolean or String;
 * arrays are byte[], short[], int[], long[] (unsigned types as their bits), float[], double[], boolean[] or String[].
 *
 * @param type the value's type, or the elements' type of an array
 * @param isArray whether it is an array
 * @param value what it holds; arrays are shared, not copied: do not write to them
 */
public record GgufValue(Type type, boolean isArray, Object value) {

  /** The value types of GGUF, in the order of their ids, with their size in bytes (0: it varies). */
  public enum Type {
    UINT8(1), INT8(1), UINT16(2), INT16(2), UINT32(4), INT32(4), FLOAT32(4), BOOL(1), STRING(0), ARRAY(0),
    UINT64(8), INT64(8), FLOAT64(8);

    private final int size;

    Type(int size) {
      this.size = size;
    }

    int size() {
      return size;
    }
  }

  public GgufValue {
    Objects.requireNonNull(type);
    Objects.requireNonNull(value);
  }

  public static GgufValue string(String value) {
    return new GgufValue(Type.STRING, false, value);
  }

  /** An unsigned 32-bit number, which is what llama.cpp wants nearly everywhere; 0 to 2^32 - 1. */
  public static GgufValue u32(long value) {
    if (value < 0 || value > 0xFFFFFFFFL) {
      throw new IllegalArgumentException(value + " is no unsigned 32-bit number");
    }
    return new GgufValue(Type.UINT32, false, value);
  }

  public static GgufValue u64(long value) {
    return new GgufValue(Type.UINT64, false, value);
  }

  public static GgufValue f32(float value) {
    return new GgufValue(Type.FLOAT32, false, value);
  }

  public static GgufValue bool(boolean value) {
    return new GgufValue(Type.BOOL, false, value);
  }

  public static GgufValue strings(String... values) {
    return new GgufValue(Type.STRING, true, values);
  }

  public static GgufValue i32s(int... values) {
    return new GgufValue(Type.INT32, true, values);
  }

  public static GgufValue f32s(float... values) {
    return new GgufValue(Type.FLOAT32, true, values);
  }

  /** Elements of an array; 1 for a scalar. */
  public int length() {
    return isArray ? java.lang.reflect.Array.getLength(value) : 1;
  }

  /** How a message names it: uint32, string[151936]. */
  public String describe() {
    String name = type.name().toLowerCase(java.util.Locale.ROOT);
    return isArray ? name + "[" + length() + "]" : name;
  }
}
