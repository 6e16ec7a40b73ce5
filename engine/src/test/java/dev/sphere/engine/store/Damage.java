package dev.sphere.engine.store;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Ways in which a file of lines comes to harm. */
public enum Damage {
  BIT_IN_FIRST_LINE,
  BIT_IN_MIDDLE_LINE,
  BIT_IN_LAST_LINE,
  BIT_ANYWHERE,
  BLOCK_OF_ZEROS,
  LINE_REMOVED,
  LINE_DOUBLED,
  LAST_LINE_CUT,
  LAST_LINE_TORN,
  LINES_SWAPPED,
  MISSING,
  EMPTY,
  TRUNCATED,
  GARBAGE_AT_END,
  GARBAGE_LINE_INSIDE,
  HALF_A_LINE_AT_END,
  CARRIAGE_RETURNS,
  NO_LAST_LINE_FEED;

  /** The file as it is afterwards; null when it is not there any more. */
  public byte[] of(byte[] file, Random random) {
    List<byte[]> lines = lines(file);
    int n = lines.size();
    int line = n == 0 ? 0 : random.nextInt(n);
    return switch (this) {
      case BIT_IN_FIRST_LINE -> n == 0 ? file : flip(lines, 0, random);
      case BIT_IN_MIDDLE_LINE -> n == 0 ? file : flip(lines, n / 2, random);
      case BIT_IN_LAST_LINE -> n == 0 ? file : flip(lines, n - 1, random);
      case BIT_ANYWHERE -> n == 0 ? file : flip(lines, line, random);
      case BLOCK_OF_ZEROS -> {
        byte[] copy = file.clone();
        int from = random.nextInt(copy.length + 1);
        Arrays.fill(copy, from, Math.min(copy.length, from + 1 + random.nextInt(600)), (byte) 0);
        yield copy;
      }
      case LINE_REMOVED -> {
        if (n > 0) {
          lines.remove(line);
        }
        yield join(lines);
      }
      case LINE_DOUBLED -> {
        if (n > 0) {
          lines.add(random.nextInt(n + 1), lines.get(line));
        }
        yield join(lines);
      }
      case LAST_LINE_CUT -> join(lines.subList(0, Math.max(0, n - 1)));
      case LAST_LINE_TORN -> n == 0 ? file
          : Arrays.copyOf(file, file.length - 1 - random.nextInt(lines.getLast().length));
      case LINES_SWAPPED -> {
        if (n > 1) {
          java.util.Collections.swap(lines, line, (line + 1 + random.nextInt(n - 1)) % n);
        }
        yield join(lines);
      }
      case MISSING -> null;
      case EMPTY -> new byte[0];
      case TRUNCATED -> Arrays.copyOf(file, random.nextInt(file.length + 1));
      case GARBAGE_AT_END -> {
        byte[] garbage = new byte[1 + random.nextInt(300)];
        random.nextBytes(garbage);
        yield join(List.of(file, garbage));
      }
      case GARBAGE_LINE_INSIDE -> {
        byte[] garbage = "{\"crc\":\"00000000\",\"problem\":\"p1\"}\n".getBytes(StandardCharsets.UTF_8);
        lines.add(random.nextInt(n + 1), garbage);
        yield join(lines);
      }
      case HALF_A_LINE_AT_END -> n == 0 ? file
          : join(List.of(file, Arrays.copyOf(lines.get(line), lines.get(line).length / 2)));
      case CARRIAGE_RETURNS -> new String(file, StandardCharsets.ISO_8859_1).replace("\n", "\r\n")
          .getBytes(StandardCharsets.ISO_8859_1);
      case NO_LAST_LINE_FEED -> Arrays.copyOf(file, Math.max(0, file.length - 1));
    };
  }

  private static byte[] flip(List<byte[]> lines, int line, Random random) {
    byte[] bytes = lines.get(line).clone();
    bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
    lines.set(line, bytes);
    return join(lines);
  }

  /** The lines with their ends; what follows the last end is one more. */
  static List<byte[]> lines(byte[] file) {
    List<byte[]> lines = new ArrayList<>();
    int from = 0;
    for (int i = 0; i < file.length; i++) {
      if (file[i] == '\n' || i == file.length - 1) {
        lines.add(Arrays.copyOfRange(file, from, i + 1));
        from = i + 1;
      }
    }
    return lines;
  }

  private static byte[] join(List<byte[]> parts) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    parts.forEach(all::writeBytes);
    return all.toByteArray();
  }
}
