package dev.sphere.engine.data;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.StringNode;

/**
 * The lines of a file of JSON, one after another, with bounds: a line of more than {@link #MOST_BYTES} is refused, and
 * never held in memory. Lines end in a line feed, with or without a carriage return before it.
 */
public final class JsonText implements Closeable {
  /** Longest row, in bytes: 16 MiB. */
  public static final int MOST_BYTES = 16 << 20;

  /** Deepest nesting of lists and objects in a row. */
  public static final int MOST_DEPTH = 100;

  /** Longest number, in characters. */
  public static final int MOST_DIGITS = 1000;

  /**
   * Reads and writes rows within those bounds. Half of a surrogate pair is no character, though JSON can write it
   * ({@code "\ud83d"}): no file could hold it again. It is read as U+FFFD.
   */
  public static final JsonMapper MAPPER = JsonMapper.builder(factory()).nodeFactory(new Characters()).build();

  private static final class Characters extends JsonNodeFactory {
    private static final long serialVersionUID = 1L;

    @Override
    public StringNode stringNode(String text) {
      return super.stringNode(text == null || text.codePoints().noneMatch(Characters::isHalf) ? text
          : text.codePoints().map(c -> isHalf(c) ? 0xfffd : c)
              .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append).toString());
    }

    private static boolean isHalf(int codePoint) {
      return codePoint >= Character.MIN_SURROGATE && codePoint <= Character.MAX_SURROGATE;
    }
  }

  /** A line that is too long. Reading can go on with the next one. */
  public static final class TooLongException extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;

    private TooLongException(String message) {
      super(message);
    }
  }

  private final Path file;
  private final InputStream in;
  private final byte[] window = new byte[1 << 16];
  private int at;
  private int end;
  private byte[] line = new byte[1 << 12];
  private long number;
  private boolean skipping;

  /** Opens a file. */
  public JsonText(Path file) throws IOException {
    this(file, Files.newInputStream(file));
  }

  /** Reads a stream, which is closed with this; {@code file} names it in messages. */
  public JsonText(Path file, InputStream in) {
    this.file = file;
    this.in = in;
  }

  /** Jackson with those bounds, for mappers with settings of their own. */
  public static JsonFactory factory() {
    return JsonFactory.builder()
        .streamReadConstraints(StreamReadConstraints.builder()
            .maxNestingDepth(MOST_DEPTH)
            .maxNumberLength(MOST_DIGITS)
            .maxStringLength(MOST_BYTES)
            .build())
        .build();
  }

  /** The error of a row that is too long. */
  static String tooLong() {
    return "longer than " + (MOST_BYTES >> 20) + " MiB, the most that a row may have";
  }

  /**
   * The next line without its end; null after the last. A byte order mark at the file's begin is left out.
   *
   * @throws TooLongException naming file, line and limit
   * @throws CharacterCodingException when the line is not UTF-8 text; {@link #number} is its number
   */
  public String next() throws IOException {
    int length = 0;
    boolean any = false;
    if (skipping) {
      skipLine();
    }
    while (fill()) {
      any = true;
      int from = at;
      while (at < end && window[at] != '\n') {
        at++;
      }
      int n = at - from;
      if (n > MOST_BYTES - length) {
        number++;
        skipping = true;
        throw new TooLongException(file + ", line " + number + ": " + tooLong());
      }
      if (n > line.length - length) {
        line = Arrays.copyOf(line, Math.min(MOST_BYTES, Math.max(2 * line.length, length + n)));
      }
      System.arraycopy(window, from, line, length, n);
      length += n;
      if (at < end) {
        at++;
        break;
      }
    }
    if (!any) {
      return null;
    }
    number++;
    return text(length);
  }

  private String text(int length) throws CharacterCodingException {
    int to = length > 0 && line[length - 1] == '\r' ? length - 1 : length;
    String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(line, 0, to)).toString();
    return number == 1 && text.startsWith("\ufeff") ? text.substring(1) : text;
  }

  private boolean fill() throws IOException {
    if (at == end) {
      at = 0;
      end = Math.max(0, in.read(window));
    }
    return at < end;
  }

  private void skipLine() throws IOException {
    skipping = false;
    while (fill()) {
      if (window[at++] == '\n') {
        return;
      }
    }
  }

  /** The number of the line that was read last, from 1. */
  public long number() {
    return number;
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
