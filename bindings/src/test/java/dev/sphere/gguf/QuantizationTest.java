package dev.sphere.gguf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** Our decoders and encoders against what ggml itself made of the same blocks and numbers (ggml-oracle.txt). */
class QuantizationTest {
  private record Line(String kind, GgmlType type, String from, String to) {}

  private static List<Line> oracle() throws IOException {
    try (var in = new BufferedReader(new InputStreamReader(
        QuantizationTest.class.getResourceAsStream("ggml-oracle.txt"), StandardCharsets.US_ASCII))) {
      return in.lines().filter(line -> !line.startsWith("#")).map(line -> line.split(" "))
          .map(part -> new Line(part[0], GgmlType.byLabel(part[1]), part[2], part[3])).toList();
    }
  }

  private static float[] floats(String hex) {
    float[] values = new float[hex.length() / 8];
    for (int i = 0; i < values.length; i++) {
      values[i] = Float.intBitsToFloat(Integer.parseUnsignedInt(hex, 8 * i, 8 * i + 8, 16));
    }
    return values;
  }

  @Test
  void decodesAsGgml() throws IOException {
    int types = 0;
    for (Line line : oracle()) {
      if (line.kind.equals("decode")) {
        float[] expected = floats(line.to);
        float[] actual = new float[expected.length + 2];
        ByteBuffer source = ByteBuffer.wrap(HexFormat.of().parseHex(line.from)).order(ByteOrder.LITTLE_ENDIAN);
        Quantization.dequantize(line.type, source, actual, 1, expected.length);
        assertEquals(0, source.remaining(), line.type + ": all bytes are used");
        for (int i = 0; i < expected.length; i++) {
          // ggml may fuse the multiplication with the minimum's addition: the last bits of the larger of the two.
          assertEquals(expected[i], actual[i + 1], 1e-6f * Math.max(0.1f, Math.abs(expected[i])), line.type + " " + i);
        }
        assertEquals(0, actual[0] + actual[expected.length + 1], "nothing is written outside");
        types++;
      }
    }
    assertEquals(12, types);
  }

  @Test
  void encodesBitForBitAsGgml() throws IOException {
    int types = 0;
    for (Line line : oracle()) {
      if (line.kind.equals("encode")) {
        float[] values = floats(line.from);
        ByteBuffer target = ByteBuffer.allocate((int) line.type.bytes(values.length)).order(ByteOrder.LITTLE_ENDIAN);
        Quantization.quantize(line.type, values, 0, values.length, target);
        assertEquals(line.to, HexFormat.of().formatHex(target.array()), line.type.label());
        types++;
      }
    }
    assertEquals(3, types);
  }

  @Test
  void notANumberStaysOne() {
    for (int bits : new int[] {0x7F800001, 0xFF800001, 0x7FC00000, 0x7FFFFFFF, 0xFFFFFFFF}) {
      float back = Float.intBitsToFloat(Quantization.toBf16(Float.intBitsToFloat(bits)) << 16);
      assertTrue(Float.isNaN(back), Integer.toHexString(bits));
    }
  }

  @Test
  void everyHalfSurvivesTheWayThroughFloat() {
    float[] values = new float[1 << 16];
    ByteBuffer halves = ByteBuffer.allocate(2 << 16).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < 1 << 16; i++) {
      halves.putShort(2 * i, (short) i);
    }
    for (GgmlType type : List.of(GgmlType.F16, GgmlType.BF16)) {
      Quantization.dequantize(type, halves.duplicate().order(ByteOrder.LITTLE_ENDIAN), values, 0, values.length);
      ByteBuffer again = ByteBuffer.allocate(2 << 16).order(ByteOrder.LITTLE_ENDIAN);
      Quantization.quantize(type, values, 0, values.length, again);
      for (int i = 0; i < 1 << 16; i++) {
        if (!Float.isNaN(values[i])) {
          assertEquals((short) i, again.getShort(2 * i), type.label());
        }
      }
    }
  }

  @Test
  void refusesWhatItCannotDo() {
    ByteBuffer block = ByteBuffer.allocate(66).order(ByteOrder.LITTLE_ENDIAN);
    var e = assertThrows(GgufException.class,
        () -> Quantization.dequantize(GgmlType.IQ2_XXS, block, new float[256], 0, 256));
    assertTrue(e.getMessage().contains("iq2_xxs"));
    assertThrows(IllegalArgumentException.class,
        () -> Quantization.quantize(GgmlType.Q4_K, new float[256], 0, 256, ByteBuffer.allocate(144)));
  }

  @Test
  void sizesAreGgmls() {
    assertEquals(34 * 3, GgmlType.Q8_0.bytes(96));
    assertThrows(IllegalArgumentException.class, () -> GgmlType.Q8_0.bytes(33));
    assertThrows(ArithmeticException.class, () -> GgmlType.F64.bytes(1L << 61));
    LongStream.of(4, 31, 43, -1).forEach(id -> assertTrue(GgmlType.byId(id).isEmpty(), "number " + id));
  }
}
