package dev.sphere.gguf;

import java.nio.ByteBuffer;

/**
 * Decoders of ggml's quantised blocks. Each reads one block from the buffer's position on, moves it past the block and
 * writes the block's elements. A value is scale x quant (+ or - minimum), in F32; ggml compiled with fused
 * multiply-add may differ in the last bit where there is a minimum.
 */
final class BlockFormats {
  /** The 16 levels of IQ4_NL and IQ4_XS. */
  private static final byte[] IQ4_LEVELS = {
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113
  };

  private BlockFormats() {}

  static void decode(GgmlType type, ByteBuffer source, float[] target, int at) {
    int start = source.position();
    Block block = new Block(source, start);
    switch (type) {
      case Q8_0 -> q8(block, target, at);
      case Q4_0 -> q4(block, target, at, -8, false);
      case Q4_1 -> q4(block, target, at, 0, true);
      case Q5_0 -> q5(block, target, at, -16, false);
      case Q5_1 -> q5(block, target, at, 0, true);
      case IQ4_NL -> iq4(block, target, at);
      case IQ4_XS -> iq4xs(block, target, at);
      case Q2_K -> q2k(block, target, at);
      case Q3_K -> q3k(block, target, at);
      case Q4_K -> q4k(block, target, at, false);
      case Q5_K -> q4k(block, target, at, true);
      case Q6_K -> q6k(block, target, at);
      default -> throw new AssertionError(type);
    }
    source.position(start + type.blockBytes());
  }

  /** A block's bytes, unsigned, by offset. */
  private record Block(ByteBuffer buffer, int start) {
    int u8(int offset) {
      return buffer.get(start + offset) & 0xFF;
    }

    int i8(int offset) {
      return buffer.get(start + offset);
    }

    int i32(int offset) {
      return buffer.getInt(start + offset);
    }

    float f16(int offset) {
      return Float.float16ToFloat(buffer.getShort(start + offset));
    }
  }

  /** scale f16, 32 x int8. */
  private static void q8(Block block, float[] out, int at) {
    float scale = block.f16(0);
    for (int i = 0; i < 32; i++) {
      out[at + i] = block.i8(2 + i) * scale;
    }
  }

  /** scale f16, (minimum f16,) 16 bytes: low nibbles are elements 0 to 15, high ones 16 to 31. */
  private static void q4(Block block, float[] out, int at, int bias, boolean hasMinimum) {
    float scale = block.f16(0);
    float minimum = hasMinimum ? block.f16(2) : 0;
    int quants = hasMinimum ? 4 : 2;
    for (int i = 0; i < 16; i++) {
      int b = block.u8(quants + i);
      out[at + i] = ((b & 15) + bias) * scale + minimum;
      out[at + i + 16] = ((b >> 4) + bias) * scale + minimum;
    }
  }

  /** scale f16, (minimum f16,) 32 fifth bits, 16 bytes of nibbles as in Q4. */
  private static void q5(Block block, float[] out, int at, int bias, boolean hasMinimum) {
    float scale = block.f16(0);
    float minimum = hasMinimum ? block.f16(2) : 0;
    int high = block.i32(hasMinimum ? 4 : 2);
    int quants = hasMinimum ? 8 : 6;
    for (int i = 0; i < 16; i++) {
      int b = block.u8(quants + i);
      out[at + i] = ((b & 15 | (high >>> i & 1) << 4) + bias) * scale + minimum;
      out[at + i + 16] = ((b >> 4 | (high >>> i + 16 & 1) << 4) + bias) * scale + minimum;
    }
  }

  /** scale f16, 16 bytes of nibbles that number levels. */
  private static void iq4(Block block, float[] out, int at) {
    float scale = block.f16(0);
    for (int i = 0; i < 16; i++) {
      int b = block.u8(2 + i);
      out[at + i] = scale * IQ4_LEVELS[b & 15];
      out[at + i + 16] = scale * IQ4_LEVELS[b >> 4];
    }
  }

  /**
   * scale f16, upper two bits of 8 six-bit scales (u16), lower four (4 bytes), 8 x 16 bytes of nibbles as in IQ4_NL.
   */
  private static void iq4xs(Block block, float[] out, int at) {
    float scale = block.f16(0);
    int high = block.u8(2) | block.u8(3) << 8;
    for (int group = 0; group < 8; group++) {
      int low = block.u8(4 + group / 2) >> 4 * (group % 2) & 15;
      float groupScale = scale * ((low | (high >> 2 * group & 3) << 4) - 32);
      for (int i = 0; i < 16; i++) {
        int b = block.u8(8 + 16 * group + i);
        out[at + 32 * group + i] = groupScale * IQ4_LEVELS[b & 15];
        out[at + 32 * group + i + 16] = groupScale * IQ4_LEVELS[b >> 4];
      }
    }
  }

  /** 16 bytes of 4-bit scale and minimum, 64 bytes of 2-bit quants, scale and minimum f16. */
  private static void q2k(Block block, float[] out, int at) {
    float scale = block.f16(80);
    float minimum = block.f16(82);
    for (int group = 0; group < 16; group++) {
      float groupScale = scale * (block.u8(group) & 15);
      float groupMinimum = minimum * (block.u8(group) >> 4);
      for (int i = 0; i < 16; i++) {
        out[at + 16 * group + i] = groupScale * twoBits(block, 16, 16 * group + i) - groupMinimum;
      }
    }
  }

  /** Element {@code i} of 256 in 64 bytes of 2-bit quants: 128 elements a half, 32 bytes each, planes of 32. */
  private static int twoBits(Block block, int offset, int i) {
    return block.u8(offset + 32 * (i / 128) + i % 32) >> 2 * (i % 128 / 32) & 3;
  }

  /** 32 bytes of high bits, 64 of 2-bit quants, 16 six-bit scales in 12 bytes, scale f16. */
  private static void q3k(Block block, float[] out, int at) {
    float scale = block.f16(108);
    for (int group = 0; group < 16; group++) {
      int low = block.u8(96 + group % 8) >> (group < 8 ? 0 : 4) & 15;
      int high = block.u8(104 + group % 4) >> 2 * (group / 4) & 3;
      float groupScale = scale * ((low | high << 4) - 32);
      for (int i = 16 * group; i < 16 * group + 16; i++) {
        int bit = block.u8(i % 32) >> i / 32 & 1;
        out[at + i] = groupScale * (twoBits(block, 32, i) - (bit == 1 ? 0 : 4));
      }
    }
  }

  /** scale and minimum f16, 8 six-bit scales and minima in 12 bytes, (32 bytes of fifth bits,) 128 bytes of nibbles. */
  private static void q4k(Block block, float[] out, int at, boolean fifthBit) {
    float scale = block.f16(0);
    float minimum = block.f16(2);
    int quants = fifthBit ? 48 : 16;
    for (int group = 0; group < 8; group++) {
      int sixBitScale;
      int sixBitMinimum;
      if (group < 4) {
        sixBitScale = block.u8(4 + group) & 63;
        sixBitMinimum = block.u8(8 + group) & 63;
      } else {
        sixBitScale = block.u8(8 + group) & 15 | block.u8(group) >> 6 << 4;
        sixBitMinimum = block.u8(8 + group) >> 4 | block.u8(4 + group) >> 6 << 4;
      }
      float groupScale = scale * sixBitScale;
      float groupMinimum = minimum * sixBitMinimum;
      for (int i = 0; i < 32; i++) {
        int quant = block.u8(quants + 32 * (group / 2) + i) >> 4 * (group % 2) & 15;
        if (fifthBit) {
          quant |= (block.u8(16 + i) >> group & 1) << 4;
        }
        out[at + 32 * group + i] = groupScale * quant - groupMinimum;
      }
    }
  }

  /** 128 bytes of low nibbles, 64 of high 2-bit parts, 16 int8 scales, scale f16. */
  private static void q6k(Block block, float[] out, int at) {
    float scale = block.f16(208);
    for (int i = 0; i < 256; i++) {
      int half = i / 128;
      int low = block.u8(64 * half + i % 64) >> 4 * (i % 128 / 64) & 15;
      int high = twoBits(block, 128, i);
      out[at + i] = scale * block.i8(192 + i / 16) * ((low | high << 4) - 32);
    }
  }
}
