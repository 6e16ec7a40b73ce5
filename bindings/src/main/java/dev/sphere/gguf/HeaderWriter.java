package dev.sphere.gguf;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Writes the numbers, strings and values of a GGUF file's header, little-endian, into a growing array. */
final class HeaderWriter {
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream(1 << 16);

  byte[] toByteArray() {
    return bytes.toByteArray();
  }

  private void number(long value, int size) {
    for (int i = 0; i < size; i++) {
      bytes.write((int) (value >>> 8 * i));
    }
  }

  void int32(int value) {
    number(value, 4);
  }

  void int64(long value) {
    number(value, 8);
  }

  void string(String text) {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    int64(utf8.length);
    bytes.write(utf8, 0, utf8.length);
  }

  /** A key of metadata, its value's type and its value. */
  void key(String key, GgufValue value) {
    string(key);
    if (value.isArray()) {
      int32(GgufValue.Type.ARRAY.ordinal());
      int32(value.type().ordinal());
      int64(value.length());
      array(value);
    } else {
      int32(value.type().ordinal());
      scalar(value);
    }
  }

  private void scalar(GgufValue value) {
    switch (value.value()) {
      case String text -> string(text);
      case Boolean flag -> number(flag ? 1 : 0, 1);
      case Float number -> int32(Float.floatToRawIntBits(number));
      case Double number -> int64(Double.doubleToRawLongBits(number));
      case Long number -> number(number, value.type().size());
      default -> throw new IllegalArgumentException("no GGUF value: " + value);
    }
  }

  private void array(GgufValue value) {
    switch (value.value()) {
      case String[] all -> List.of(all).forEach(this::string);
      case byte[] all -> bytes.write(all, 0, all.length);
      case short[] all -> {
        for (short each : all) {
          number(each, 2);
        }
      }
      case int[] all -> {
        for (int each : all) {
          int32(each);
        }
      }
      case long[] all -> {
        for (long each : all) {
          int64(each);
        }
      }
      case float[] all -> {
        for (float each : all) {
          int32(Float.floatToRawIntBits(each));
        }
      }
      case double[] all -> {
        for (double each : all) {
          int64(Double.doubleToRawLongBits(each));
        }
      }
      case boolean[] all -> {
        for (boolean each : all) {
          number(each ? 1 : 0, 1);
        }
      }
      default -> throw new IllegalArgumentException("no GGUF array: " + value);
    }
  }
}
