package dev.sphere.gguf;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/**
 * The keys and values of a GGUF file in the file's order, with getters that check types. The getters that are named
 * {@code require...} throw where the key is missing; all throw a {@link GgufException} where the type is another.
 */
public final class GgufMetadata {
  private final String source;
  private final LinkedHashMap<String, GgufValue> values;

  GgufMetadata(String source, LinkedHashMap<String, GgufValue> values) {
    this.source = source;
    this.values = values;
  }

  /** All keys and values, in the file's order. */
  public Map<String, GgufValue> values() {
    return Collections.unmodifiableMap(values);
  }

  public boolean has(String key) {
    return values.containsKey(key);
  }

  public Optional<String> string(String key) {
    return Optional.ofNullable((String) scalar(key, "a string", GgufValue.Type.STRING));
  }

  public String requireString(String key) {
    return string(key).orElseThrow(() -> missing(key));
  }

  /** A uint32 (and only that: llama.cpp takes no other integer type where it expects one). */
  public OptionalLong u32(String key) {
    Object value = scalar(key, "a uint32", GgufValue.Type.UINT32);
    return value == null ? OptionalLong.empty() : OptionalLong.of((Long) value);
  }

  public long requireU32(String key) {
    return u32(key).orElseThrow(() -> missing(key));
  }

  /** A float32. */
  public OptionalDouble f32(String key) {
    Object value = scalar(key, "a float32", GgufValue.Type.FLOAT32);
    return value == null ? OptionalDouble.empty() : OptionalDouble.of((Float) value);
  }

  public Optional<Boolean> bool(String key) {
    return Optional.ofNullable((Boolean) scalar(key, "a bool", GgufValue.Type.BOOL));
  }

  /** A string array; shared, not copied. */
  public Optional<String[]> strings(String key) {
    return Optional.ofNullable((String[]) array(key, "an array of strings", GgufValue.Type.STRING));
  }

  /** An int32 or uint32 array (uint32 as its bits); shared, not copied. */
  public Optional<int[]> ints(String key) {
    return Optional.ofNullable((int[]) array(key, "an array of int32", GgufValue.Type.INT32, GgufValue.Type.UINT32));
  }

  /** A float32 array; shared, not copied. */
  public Optional<float[]> floats(String key) {
    return Optional.ofNullable((float[]) array(key, "an array of float32", GgufValue.Type.FLOAT32));
  }

  private Object scalar(String key, String wanted, GgufValue.Type type) {
    GgufValue value = values.get(key);
    if (value == null) {
      return null;
    }
    if (value.isArray() || value.type() != type) {
      throw wrongType(key, wanted, value);
    }
    return value.value();
  }

  private Object array(String key, String wanted, GgufValue.Type... types) {
    GgufValue value = values.get(key);
    if (value == null) {
      return null;
    }
    for (GgufValue.Type type : types) {
      if (value.isArray() && value.type() == type) {
        return value.value();
      }
    }
    throw wrongType(key, wanted, value);
  }

  public GgufException missing(String key) {
    return new GgufException(source + ": the metadata key " + GgufException.quote(key) + " is missing");
  }

  private GgufException wrongType(String key, String wanted, GgufValue found) {
    return new GgufException(source + ": the metadata key " + GgufException.quote(key) + " must be " + wanted
        + ", but is " + found.describe());
  }
}
