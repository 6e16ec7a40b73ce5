package dev.sphere.engine.store;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.function.Consumer;
import java.util.zip.CRC32C;

/**
 * Lines of JSON that carry their own checksum: {@code {"crc":"1f2e3d4c",...}}, where the eight hexadecimal digits are
 * the CRC-32C of everything after them and their comma, to the closing brace. To any reader of JSON they are plain
 * objects with one field more.
 */
final class CheckedLines {
  private static final byte[] HEAD = "{\"crc\":\"".getBytes(StandardCharsets.US_ASCII);
  private static final int BODY = HEAD.length + 8 + 2;

  private CheckedLines() {}

  /** The line, with its line feed, of a JSON object that has at least one field. */
  static byte[] frame(byte[] object) {
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
  static boolean whole(byte[] line) {
    if (line.length < BODY + 1 || !new String(line, 0, HEAD.length, StandardCharsets.US_ASCII).equals("{\"crc\":\"")) {
      return false;
    }
    String crc = new String(line, HEAD.length, 8, StandardCharsets.US_ASCII);
    return crc.equals(crc(line, BODY, line.length - BODY));
  }

  private static String crc(byte[] bytes, int from, int length) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, from, length);
    return HexFormat.of().toHexDigits((int) crc.getValue());
  }

  /**
   * Reads all whole lines up to the torn tail.
   *
   * @param onLine takes each line without its line feed
   * @return the length of the part that is whole, in bytes
   * @throws StoreException when a damaged line is followed by a whole one: that is no torn tail
   */
  static long read(Path file, Consumer<byte[]> onLine) {
    if (!Files.exists(file)) {
      return 0;
    }
    long good = 0;
    int number = 0;
    int damaged = 0;
    try (InputStream in = new BufferedInputStream(Files.newInputStream(file), 1 << 16)) {
      ByteArrayOutputStream line = new ByteArrayOutputStream();
      for (int b = in.read(); b >= 0; b = in.read()) {
        if (b != '\n') {
          line.write(b);
          continue;
        }
        number++;
        byte[] bytes = line.toByteArray();
        line.reset();
        if (!whole(bytes)) {
          damaged = damaged == 0 ? number : damaged;
        } else if (damaged > 0) {
          throw new StoreException("reading " + file + ": line " + damaged + " is damaged but line " + number
              + " is whole, so the file was changed or the disk has an error; bring the file back, or cut it before "
              + "line " + damaged + " and go on with --resume (what was cut is computed again)");
        } else {
          onLine.accept(bytes);
          good += bytes.length + 1;
        }
      }
    } catch (IOException e) {
      throw new StoreException("cannot read " + file + ": " + e.getMessage(), e);
    }
    return good;
  }
}
