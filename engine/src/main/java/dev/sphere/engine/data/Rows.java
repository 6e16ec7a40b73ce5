package dev.sphere.engine.data;

import dev.sphere.base.OpenFile;
import java.io.BufferedInputStream;
import java.io.Closeable;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Iterator;
import java.util.Locale;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The rows of a data file as JSON objects, one after another. JSON by Jackson, CSV and Parquet by DuckDB. */
public abstract class Rows implements Closeable {
  private static final JsonMapper JSON = JsonText.MAPPER;
  private static final long MOST_DOCUMENT = 256L << 20;

  /**
   * A row, or what is wrong with it.
   *
   * @param line its number, counted from 1: the line in JSON Lines, else the row
   * @param value the row; null where it cannot be read
   * @param error why it cannot be read; null where it can
   */
  public record Row(long line, JsonNode value, String error) {}

  /** The next row; null at the end. */
  public abstract Row next() throws IOException;

  /** The unit of the row numbers, "line" or "row". */
  public abstract String unit();

  @Override
  public abstract void close() throws IOException;

  /**
   * Opens a file: {@code .parquet}, {@code .csv}, {@code .tsv}, else JSON Lines or one JSON array. Its name is a name:
   * no wildcards, no partitions in the folders' names. A row may have {@link JsonText#MOST_BYTES}.
   *
   * @throws IllegalArgumentException when the file as a whole is not what its name says
   * @throws IOException when it cannot be read
   */
  public static Rows open(Path file) throws IOException {
    String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
    if (name.endsWith(".parquet")) {
      return new Sql(file, "read_parquet", "");
    }
    try (InputStream in = Files.newInputStream(file)) {
      byte[] begin = in.readNBytes(2);
      if (begin.length == 2 && (begin[0] == -1 && begin[1] == -2 || begin[0] == -2 && begin[1] == -1 || begin[0] == 0
          || begin[1] == 0)) {
        throw new IllegalArgumentException(file + ": this looks like UTF-16 text; make it UTF-8 (iconv -f UTF-16 -t UTF-8)");
      }
    }
    if (name.endsWith(".csv") || name.endsWith(".tsv")) {
      // All as it stands there: no types, no comments. The delimiter of a .csv is found out.
      return new Sql(file, "read_csv", ", all_varchar = true, header = true, quote = '\"', comment = '', skip = 0, "
          + "compression = 'none', max_line_size = " + JsonText.MOST_BYTES
          + (name.endsWith(".tsv") ? ", delim = '\t'" : ""));
    }
    int c = first(file);
    if (c == '[') {
      return new Array(file);
    }
    JsonNode document = c == '{' && name.endsWith(".json") ? document(file) : null;
    return document != null ? new Document(document) : new Lines(file);
  }

  /** The first byte that is neither white space nor a byte order mark; -1 if there is none. */
  private static int first(Path file) throws IOException {
    try (InputStream in = new BufferedInputStream(Files.newInputStream(file), 1 << 16)) {
      int c = in.read();
      while (c >= 0 && (Character.isWhitespace(c) || c == 0xEF || c == 0xBB || c == 0xBF)) {
        c = in.read();
      }
      return c;
    }
  }

  /**
   * The rows of a .json file that is one object: its only list of objects ("data", "rows"), else its values where all
   * of them are objects. Null when it is JSON lines after all.
   */
  private static JsonNode document(Path file) throws IOException {
    JsonNode all;
    Bounded in = new Bounded(file, MOST_DOCUMENT);
    try (JsonParser parser = JSON.createParser(in)) {
      all = parser.readValueAsTree();
      if (parser.nextToken() != null) {
        return null;
      }
    } catch (JacksonException e) {
      if (in.exceeded) {
        throw new IllegalArgumentException(file + ": one JSON object of more than " + (MOST_DOCUMENT >> 20)
            + " MiB; give JSON Lines, or a JSON list", e);
      }
      return null;
    }
    JsonNode found = null;
    boolean objects = !all.isEmpty();
    for (JsonNode v : all) {
      boolean list = v.isArray() && !v.isEmpty() && v.get(0).isObject();
      if (list && found != null) {
        return null;
      }
      found = list ? v : found;
      objects &= v.isObject();
    }
    return found != null ? found : objects && all.size() > 1 ? all : null;
  }

  /** A file of which no more than so many bytes are read until {@link #allow} allows as many again. */
  private static final class Bounded extends FilterInputStream {
    private final long most;
    private long left;
    private boolean exceeded;

    Bounded(Path file, long most) throws IOException {
      super(Files.newInputStream(file));
      this.most = most;
      allow();
    }

    void allow() {
      left = most;
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
      int n = super.read(target, offset, length);
      left -= Math.max(0, n);
      if (left < 0) {
        exceeded = true;
        throw new IOException(JsonText.tooLong());
      }
      return n;
    }
  }

  private static final class Lines extends Rows {
    private final JsonText lines;

    Lines(Path file) throws IOException {
      lines = new JsonText(file);
    }

    @Override
    public Row next() throws IOException {
      while (true) {
        String text;
        try {
          text = lines.next();
        } catch (CharacterCodingException e) {
          throw new IOException("line " + lines.number() + " is not UTF-8 text", e);
        } catch (JsonText.TooLongException e) {
          return new Row(lines.number(), null, JsonText.tooLong());
        }
        if (text == null) {
          return null;
        }
        if (!text.isBlank()) {
          try {
            return new Row(lines.number(), JSON.readTree(text), null);
          } catch (JacksonException e) {
            return new Row(lines.number(), null, "no JSON: " + e.getOriginalMessage());
          }
        }
      }
    }

    @Override
    public String unit() {
      return "line";
    }

    @Override
    public void close() throws IOException {
      lines.close();
    }
  }

  private static final class Document extends Rows {
    private final Iterator<JsonNode> items;
    private long row;

    Document(JsonNode document) {
      items = document.iterator();
    }

    @Override
    public Row next() {
      return items.hasNext() ? new Row(++row, items.next(), null) : null;
    }

    @Override
    public String unit() {
      return "row";
    }

    @Override
    public void close() {}
  }

  private static final class Array extends Rows {
    private final Path file;
    private final Bounded in;
    private final JsonParser parser;
    private long row;

    Array(Path file) throws IOException {
      this.file = file;
      in = new Bounded(file, JsonText.MOST_BYTES);
      try {
        parser = JSON.createParser(in);
        parser.nextToken(); // the list's begin
      } catch (JacksonException e) {
        in.close();
        throw damaged(e);
      }
    }

    @Override
    public Row next() {
      try {
        in.allow();
        JsonToken token = parser.nextToken();
        if (token == JsonToken.END_ARRAY) {
          if (parser.nextToken() != null) {
            throw new IllegalArgumentException(file + ": no JSON: something stands after the list");
          }
          return null;
        }
        row++;
        return token == null ? null : new Row(row, parser.readValueAsTree(), null);
      } catch (JacksonException e) {
        throw damaged(e);
      }
    }

    private IllegalArgumentException damaged(JacksonException e) {
      return new IllegalArgumentException(in.exceeded ? file + ", row " + row + ": " + JsonText.tooLong()
          : file + ": no JSON: " + e.getOriginalMessage(), e);
    }

    @Override
    public String unit() {
      return "row";
    }

    @Override
    public void close() {
      parser.close();
    }
  }

  private static final class Sql extends Rows {
    private final OpenFile file;
    private final Path link; // null: none was needed
    private final Connection connection;
    private final Statement statement;
    private final ResultSet results;
    private long row;

    Sql(Path path, String function, String options) throws IOException {
      file = OpenFile.ofRows(path);
      Connection c = null;
      Path made = null;
      try {
        // A name without wildcards and partitions, under which DuckDB opens the file that is open.
        made = file.nativePath().equals(path) ? link(path) : null;
        Path name = made == null ? file.nativePath() : made;
        c = DuckDb.open(name);
        connection = c;
        link = made;
        statement = c.createStatement();
        results = statement.executeQuery("SELECT CASE WHEN n <= " + JsonText.MOST_BYTES + " THEN j END FROM "
            + "(SELECT j, strlen(j) AS n FROM (SELECT to_json(t)::VARCHAR AS j FROM " + function + "("
            + DuckDb.quoted(name.toString()) + ", hive_partitioning = false, union_by_name = false, filename = false"
            + options + ") t))");
      } catch (SQLException e) {
        release(c, made, e);
        throw new IllegalArgumentException(path + ": " + message(e, made), e);
      } catch (IOException | RuntimeException e) {
        release(c, made, e);
        throw e;
      }
    }

    /** Links the file under a temporary name, on systems other than Linux, where an open file has no name. */
    private static Path link(Path path) throws IOException {
      Path folder = Files.createTempDirectory("sphere-rows");
      return Files.createSymbolicLink(folder.resolve("rows"), path.toAbsolutePath());
    }

    private String message(SQLException e, Path made) {
      return DuckDb.reason(e).replace((made == null ? file.nativePath() : made).toString(), "the file");
    }

    @Override
    public Row next() throws IOException {
      try {
        if (!results.next()) {
          return null;
        }
        String text = results.getString(1);
        return text == null ? new Row(++row, null, JsonText.tooLong()) : new Row(++row, JSON.readTree(text), null);
      } catch (JacksonException e) {
        return new Row(row, null, e.getOriginalMessage());
      } catch (SQLException e) {
        throw new IOException("after row " + row + ": " + message(e, link), e);
      }
    }

    @Override
    public String unit() {
      return "row";
    }

    @Override
    public void close() throws IOException {
      SQLException first = null;
      for (AutoCloseable c : new AutoCloseable[] {results, statement}) {
        try {
          c.close();
        } catch (Exception e) {
          first = first == null && e instanceof SQLException s ? s : first;
        }
      }
      IOException failed = first == null ? null : new IOException(DuckDb.reason(first), first);
      release(connection, link, failed == null ? new IOException("closing " + connection) : failed);
      if (failed != null) {
        throw failed;
      }
    }

    private void release(Connection c, Path made, Exception cause) {
      try {
        if (c != null) {
          c.close();
        }
        if (made != null) {
          Files.delete(made);
          Files.delete(made.getParent());
        }
      } catch (SQLException | IOException e) {
        cause.addSuppressed(e);
      } finally {
        file.close();
      }
    }
  }
}
