package dev.sphere.engine.store;

import dev.sphere.base.PlainFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.zip.CRC32C;

/**
 * Lines of JSON that carry their own checksum: {@code {"crc":"1f2e3d4c",...}}, where the eight hexadecimal digits are
 * the CRC-32C of everything after them and their comma, to the closing brace. To any reader of JSON they are plain
 * objects with one field more.
 */
public final class CheckedLines {
  private static final byte[] HEAD = "{\"crc\":\"".getBytes(StandardCharsets.US_ASCII);
  private static final int BODY = HEAD.length + 8 + 2;

  /** Bytes of a line at most; no record comes near, and a file without line ends must not fill the memory. */
  private static final int LONGEST = 1 << 28;

  private CheckedLines() {}

  /** The line, with its line feed, of a JSON object that has at least one field. */
  public static byte[] frame(byte[] object) {
    if (object.length < 3 || object[0] != '{') {
      throw new IllegalArgumentException("not a JSON object with fields");
    }
    int bodyLength = object.length - 1;
    byte[] line = new byte[BODY + bodyLength + 1];
    System.arraycopy(HEAD, 0, line, 0, HEAD.length);
    byte[] crc = crc(object, 1, bodyLength).getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(crc, 0, line, HEAD.length, 8);
    line[HEAD.length + 8] = '"';
    line[HEAD.length + 9] = ',';
    System.arraycopy(object, 1, line, BODY, bodyLength);
    line[line.length - 1] = '\n';
    return line;
  }

  /** True when the line (without its line feed) is whole. */
  public static boolean whole(byte[] line) {
    if (line.length < BODY + 1 || !new String(line, 0, HEAD.length, StandardCharsets.US_ASCII).equals("{\"crc\":\"")) {
      return false;
    }
    if (line[BODY - 2] != '"' || line[BODY - 1] != ',') {
      return false; // these two bytes are in no checksum
    }
    String crc = new String(line, HEAD.length, 8, StandardCharsets.US_ASCII);
    return crc.equals(crc(line, BODY, line.length - BODY));
  }

  private static String crc(byte[] bytes, int from, int length) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, from, length);
    return HexFormat.of().toHexDigits((int) crc.getValue());
  }

  /** Takes the lines of a file. */
  @FunctionalInterface
  public interface Visitor {
    /**
     * One line.
     *
     * @param number of the line, from 1
     * @param from where it begins in the file, in bytes
     * @param to where the next one begins, or the file's end
     * @param object the line without its end; null when it is damaged
     * @param ended false for a last line without its end: a writer may still be at it
     */
    void line(int number, long from, long to, byte[] object, boolean ended);
  }

  /**
   * Reads a file's lines, damaged ones too. A file that is not there has no lines.
   */
  public static void read(Path file, Visitor visitor) {
    read(file, 0, 0, visitor);
  }

  /**
   * Reads the lines after those that were read before, as somebody does who follows a file that grows.
   *
   * @param start where the first line begins, in bytes
   * @param before how many lines stand before it
   */
  public static void read(Path file, long start, int before, Visitor visitor) {
    try (InputStream in = PlainFile.exists(file) ? PlainFile.read(file) : InputStream.nullInputStream()) {
      in.skipNBytes(start);
      byte[] buffer = new byte[1 << 16];
      ByteArrayOutputStream line = new ByteArrayOutputStream();
      int number = before;
      long from = start;
      long at = start;
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        int begin = 0;
        for (int i = 0; i < n; i++) {
          if (buffer[i] == '\n') {
            collect(line, buffer, begin, i);
            visitor.line(++number, from, at + i + 1, object(line.toByteArray()), true);
            line.reset();
            from = at + i + 1;
            begin = i + 1;
          }
        }
        collect(line, buffer, begin, n);
        at += n;
      }
      if (at > from) {
        visitor.line(++number, from, at, object(line.toByteArray()), false);
      }
    } catch (IOException e) {
      throw new StoreException("cannot read " + file + ": " + e.getMessage(), e);
    }
  }

  private static void collect(ByteArrayOutputStream line, byte[] buffer, int from, int to) {
    if (line.size() <= LONGEST) { // a longer one is damaged, whatever it holds
      line.write(buffer, from, to - from);
    }
  }

  private static byte[] object(byte[] line) {
    return line.length <= LONGEST && whole(line) ? line : null;
  }
}
