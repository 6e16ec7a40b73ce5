package dev.sphere.web.studio;

import dev.sphere.base.PlainFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;

/** Reads what a file has grown by, in whole lines. */
final class Tail {
  /** Bytes that are read at once; the rest follows with the next call. */
  private static final int MOST = 1 << 22;

  private Tail() {}

  /**
   * Reads on.
   *
   * @param from where it was left, in bytes
   * @param lines takes the lines that have an end, without it; empty ones are left out
   * @return where to go on
   */
  static long lines(Path file, long from, List<byte[]> lines) throws IOException {
    byte[] bytes;
    try (FileChannel in = PlainFile.open(file, StandardOpenOption.READ)) {
      ByteBuffer read = ByteBuffer.allocate((int) Math.max(0, Math.min(MOST, in.size() - from)));
      while (read.hasRemaining() && in.read(read, from + read.position()) >= 0) {
        continue;
      }
      bytes = Arrays.copyOf(read.array(), read.position());
    }
    int begin = 0;
    for (int i = 0; i < bytes.length; i++) {
      if (bytes[i] == '\n') {
        int end = i > begin && bytes[i - 1] == '\r' ? i - 1 : i;
        if (end > begin) {
          lines.add(Arrays.copyOfRange(bytes, begin, end));
        }
        begin = i + 1;
      }
    }
    return from + begin;
  }
}
