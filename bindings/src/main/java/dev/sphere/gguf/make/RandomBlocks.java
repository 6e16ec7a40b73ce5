package dev.sphere.gguf.make;

import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.GgufWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.SplittableRandom;

/**
 * Random quantised blocks: every bit pattern of quants and small scales is a valid tensor, so a model of such a type
 * needs no quantiser. The values are uniform instead of normal, with about the deviation that is asked for.
 */
final class RandomBlocks {
  private static final int BLOCKS_AT_ONCE = 1024;

  private RandomBlocks() {}

  /** True for the types of which random blocks can be made. */
  static boolean canMake(GgmlType type) {
    return switch (type) {
      case Q4_0, Q4_K, Q5_K, Q6_K -> true;
      default -> false;
    };
  }

  /** Writes {@code blocks} blocks; the same key gives the same bytes. */
  static void write(GgmlType type, long blocks, long key, float deviation, GgufWriter.Output out) throws IOException {
    SplittableRandom random = new SplittableRandom(key);
    int size = type.blockBytes();
    byte[] part = new byte[(int) Math.min(blocks, BLOCKS_AT_ONCE) * size];
    ByteBuffer bytes = ByteBuffer.wrap(part).order(ByteOrder.LITTLE_ENDIAN);
    for (long done = 0; done < blocks; ) {
      int count = (int) Math.min(BLOCKS_AT_ONCE, blocks - done);
      random.nextBytes(part);
      for (int i = 0; i < count; i++) {
        scales(type, bytes, i * size, deviation);
      }
      out.bytes(bytes.slice(0, count * size));
      done += count;
    }
  }

  /** Sets a block's own scales; everything else stays as random as it is. */
  private static void scales(GgmlType type, ByteBuffer block, int at, float deviation) {
    switch (type) {
      // value = d * (q - 8), q of 0 to 15: the deviation of q is 4.6
      case Q4_0 -> half(block, at, deviation / 4.6f);
      // value = d * s * q - dmin * m, with six-bit s and m, 32 on average: about centred when dmin = d * mean of q
      case Q4_K -> {
        half(block, at, deviation / 190);
        half(block, at + 2, 7.5f * deviation / 190);
      }
      case Q5_K -> {
        half(block, at, deviation / 390);
        half(block, at + 2, 15.5f * deviation / 390);
      }
      // value = d * s * (q - 32), s of -128 to 127 with deviation 74, q of 0 to 63 with 18.5
      case Q6_K -> half(block, at + 208, deviation / 1370);
      default -> throw new IllegalArgumentException(type.label());
    }
  }

  private static void half(ByteBuffer block, int at, float value) {
    block.putShort(at, Float.floatToFloat16(value));
  }
}
