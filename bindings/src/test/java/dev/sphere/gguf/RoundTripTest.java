package dev.sphere.gguf;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.gguf.model.GgufFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the writer writes, the reader reads: random metadata of every type, random tensors, odd sizes and alignments. */
class RoundTripTest {
  @TempDir Path dir;

  private static GgufValue randomValue(Random random, GgufValue.Type type, boolean array) {
    int n = array ? random.nextInt(5) : 1;
    if (!array) {
      return new GgufValue(type, false, switch (type) {
        case UINT8 -> (long) random.nextInt(256);
        case INT8 -> (long) (byte) random.nextInt();
        case UINT16 -> (long) random.nextInt(65536);
        case INT16 -> (long) (short) random.nextInt();
        case UINT32 -> random.nextInt() & 0xFFFFFFFFL;
        case INT32 -> (long) random.nextInt();
        case UINT64, INT64 -> random.nextLong();
        case FLOAT32 -> random.nextFloat();
        case FLOAT64 -> random.nextDouble();
        case BOOL -> random.nextBoolean();
        case STRING, ARRAY -> text(random);
      });
    }
    Object values = switch (type) {
      case UINT8, INT8 -> bytes(random, n);
      case UINT16, INT16 -> new short[] {(short) random.nextInt(), -1, 0};
      case UINT32, INT32 -> random.ints(n).toArray();
      case UINT64, INT64 -> random.longs(n).toArray();
      case FLOAT32 -> new float[] {random.nextFloat(), Float.NaN, -0f};
      case FLOAT64 -> random.doubles(n).toArray();
      case BOOL -> new boolean[] {true, random.nextBoolean()};
      case STRING, ARRAY -> java.util.stream.IntStream.range(0, n).mapToObj(i -> text(random)).toArray(String[]::new);
    };
    return new GgufValue(type, true, values);
  }

  private static byte[] bytes(Random random, int n) {
    byte[] bytes = new byte[n];
    random.nextBytes(bytes);
    return bytes;
  }

  /** Text of all lengths of UTF-8, with what trips decoders up: zero, the replacement character, emoji, long ones. */
  private static String text(Random random) {
    StringBuilder text = new StringBuilder();
    for (int i = random.nextInt(9); i > 0; i--) {
      text.append(List.of("a", "\n", "\0", "é", "▁", "\uFFFD", "🙂", "x".repeat(70000)).get(random.nextInt(8)));
    }
    return text.toString();
  }

  @Test
  void whatIsWrittenIsRead() throws Exception {
    for (int seed = 0; seed < 60; seed++) {
      Random random = new Random(seed);
      Map<String, GgufValue> keys = new LinkedHashMap<>();
      keys.put("general.architecture", GgufValue.string("test"));
      if (seed % 3 > 0) {
        keys.put("general.alignment", GgufValue.u32(seed % 3 == 1 ? 8 : 256));
      }
      for (int i = random.nextInt(12); i > 0; i--) {
        GgufValue.Type type = GgufValue.Type.values()[random.nextInt(13)];
        keys.put("key." + i, randomValue(random, type == GgufValue.Type.ARRAY ? GgufValue.Type.BOOL : type,
            random.nextBoolean()));
      }
      GgufWriter writer = new GgufWriter();
      keys.forEach(writer::put);
      List<float[]> data = new ArrayList<>();
      int count = random.nextInt(6);
      for (int i = 0; i < count; i++) {
        GgmlType type = List.of(GgmlType.F32, GgmlType.F16, GgmlType.BF16, GgmlType.Q8_0).get(random.nextInt(4));
        long columns = type == GgmlType.Q8_0 ? 32L * (1 + random.nextInt(3)) : 1 + random.nextInt(50);
        long rows = 1 + random.nextInt(seed == 0 ? 20000 : 7);
        float[] values = new float[(int) (columns * rows)];
        for (int j = 0; j < values.length; j++) {
          values[j] = (float) random.nextGaussian();
        }
        data.add(values);
        writer.tensor("tensor." + i, type, rows == 1 ? List.of(columns) : List.of(columns, rows), values);
      }
      Path path = dir.resolve("a.gguf");
      writer.write(path);
      try (GgufFile file = GgufFile.open(path)) {
        assertEquals(List.copyOf(keys.keySet()), List.copyOf(file.metadata().values().keySet()));
        keys.forEach((key, value) -> assertSame(value, file.metadata().values().get(key)));
        assertEquals(count, file.tensors().size());
        for (int i = 0; i < count; i++) {
          GgufTensor tensor = file.tensor("tensor." + i);
          assertEquals(0, tensor.offset() % file.alignment());
          float[] read = file.readFloats(tensor.name());
          double tolerance = tensor.type() == GgmlType.F32 ? 0 : tensor.type() == GgmlType.F16 ? 2e-3 : 2e-2;
          for (int j = 0; j < read.length; j++) {
            assertEquals(data.get(i)[j], read[j], tolerance, tensor.toString());
          }
        }
        String digest = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(path)));
        assertEquals(digest, file.sha256());
        copyIsTheSameFile(file, path);
      }
    }
  }

  private static void assertSame(GgufValue expected, GgufValue actual) {
    assertEquals(expected.type(), actual.type());
    assertEquals(expected.isArray(), actual.isArray());
    assertTrue(java.util.Objects.deepEquals(expected.value(), actual.value()), expected + " " + actual);
  }

  private void copyIsTheSameFile(GgufFile file, Path path) throws IOException {
    Path copy = dir.resolve("copy.gguf");
    GgufWriter writer = new GgufWriter().putAll(file.metadata());
    file.tensors().values().forEach(tensor -> writer.copy(file, tensor));
    writer.write(copy);
    assertEquals(-1, Files.mismatch(path, copy));
  }

  @Test
  void readsAnyPartOfATensor() {
    Path path = dir.resolve("part.gguf");
    float[] values = new float[32 * 40000];
    for (int i = 0; i < values.length; i++) {
      values[i] = i % 127;
    }
    new GgufWriter().put("general.architecture", GgufValue.string("test"))
        .tensor("t", GgmlType.Q8_0, List.of(32L, 40000L), values).write(path);
    try (GgufFile file = GgufFile.open(path)) {
      float[] whole = file.readFloats("t");
      float[] part = new float[64];
      file.readFloats(file.tensor("t"), 32 * 31999, part, 64);
      assertArrayEquals(java.util.Arrays.copyOfRange(whole, 32 * 31999, 32 * 32001), part);
      assertThrows(IllegalArgumentException.class, () -> file.readFloats(file.tensor("t"), 1, part, 32));
      assertThrows(IllegalArgumentException.class, () -> file.readFloats(file.tensor("t"), 32 * 39999, part, 64));
      ByteBuffer bytes = ByteBuffer.allocate(35);
      assertThrows(IllegalArgumentException.class,
          () -> file.readBytes(file.tensor("t"), file.tensor("t").byteSize() - 34, bytes));
    }
  }

  @Test
  void aFailedWriteLeavesTheOldFileAndNothingElse() throws IOException {
    Path path = dir.resolve("keep.gguf");
    Files.writeString(path, "before");
    GgufWriter writer = new GgufWriter().tensor("t", GgmlType.F32, List.of(4L), out -> {
      throw new IOException("No space left on device");
    });
    var e = assertThrows(UncheckedIOException.class, () -> writer.write(path));
    assertTrue(e.getMessage().contains("keep.gguf: No space left"), e.getMessage());
    GgufWriter tooLittle = new GgufWriter().tensor("t", GgmlType.F32, List.of(4L), new float[3]);
    assertThrows(IllegalStateException.class, () -> tooLittle.write(path));
    assertEquals("before", Files.readString(path));
    try (var files = Files.list(dir)) {
      assertEquals(List.of(path), files.toList());
    }
  }

  @Test
  void theWriterRefusesWhatNoReaderTakes() {
    GgufWriter writer = new GgufWriter().tensor("t", GgmlType.F32, List.of(4L), new float[4]);
    assertThrows(IllegalArgumentException.class, () -> writer.tensor("t", GgmlType.F32, List.of(4L), new float[4]));
    assertThrows(IllegalArgumentException.class, () -> writer.tensor("x".repeat(64), GgmlType.F32, List.of(4L), new float[4]));
    assertThrows(IllegalArgumentException.class, () -> writer.tensor("q", GgmlType.Q8_0, List.of(33L), new float[33]));
    assertThrows(IllegalArgumentException.class, () -> writer.tensor("s", GgmlType.F32, List.of(), new float[0]));
    assertThrows(IllegalArgumentException.class, () -> writer.put("general.alignment", GgufValue.u32(48)));
  }

  @Test
  void aMissingFileIsNamed() {
    var e = assertThrows(UncheckedIOException.class, () -> GgufFile.open(dir.resolve("none.gguf")));
    assertTrue(e.getMessage().contains("none.gguf: no such file"), e.getMessage());
    var d = assertThrows(UncheckedIOException.class, () -> GgufFile.open(dir));
    assertTrue(d.getMessage().contains("not a regular file"), d.getMessage());
  }
}
