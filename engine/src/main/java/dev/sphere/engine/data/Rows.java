package dev.sphere.engine.data;

import java.io.BufferedReader;
import java.io.Closeable;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Iterator;
import java.util.Locale;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The rows of a data file as JSON objects, one after another. JSON by Jackson, CSV and Parquet by DuckDB. */
public abstract class Rows implements Closeable {
  private static final JsonMapper JSON = JsonMapper.shared();

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

  /** What the row numbers count: "line" or "row". */
  public abstract String unit();

  @Override
  public abstract void close() throws IOException;

  /**
   * Opens a file: {@code .parquet}, {@code .csv}, {@code .tsv}, else JSON Lines or one JSON array.
   *
   * @throws IllegalArgumentException when the file as a whole is not what its name says
   * @throws IOException when it cannot be read
   */
  public static Rows open(Path file) throws IOException {
    String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
    if (name.endsWith(".parquet")) {
      return new Sql(file, "read_parquet");
    }
    if (name.endsWith(".csv") || name.endsWith(".tsv")) {
      return new Sql(file, "read_csv");
    }
    BufferedReader reader = Files.newBufferedReader(file);
    try {
      reader.mark(1 << 16);
      int c = reader.read();
      while (c >= 0 && (Character.isWhitespace(c) || c == '\ufeff')) {
        c = reader.read();
      }
      if (c == '[') {
        reader.close();
        return new Array(file);
      }
      JsonNode document = c == '{' && name.endsWith(".json") ? document(file) : null;
      if (document != null) {
        reader.close();
        return new Array(document);
      }
      reader.reset();
      return new Lines(reader);
    } catch (IOException | RuntimeException e) {
      try (reader) {
        throw e;
      }
    }
  }

  /**
   * The rows of a .json file that is one object: its only list of objects ("data", "rows"), else its values where all of
   * them are objects. Null when it is JSON lines after all.
   */
  private static JsonNode document(Path file) throws IOException {
    JsonNode all;
    try {
      all = JSON.readerFor(JsonNode.class).with(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .readValue(Files.readString(file));
    } catch (JacksonException e) {
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

  private static final class Lines extends Rows {
    private final BufferedReader reader;
    private long line;

    Lines(BufferedReader reader) {
      this.reader = reader;
    }

    @Override
    public Row next() throws IOException {
      while (true) {
        String text;
        try {
          text = reader.readLine();
        } catch (CharacterCodingException e) {
          throw new IOException("after line " + line + " the file is not UTF-8 text", e);
        }
        if (text == null) {
          return null;
        }
        line++;
        if (line == 1 && text.startsWith("\ufeff")) {
          text = text.substring(1);
        }
        if (!text.isBlank()) {
          try {
            return new Row(line, JSON.readTree(text), null);
          } catch (JacksonException e) {
            return new Row(line, null, "no JSON: " + e.getOriginalMessage());
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
      reader.close();
    }
  }

  private static final class Array extends Rows {
    private final Iterator<JsonNode> items;
    private long row;

    Array(JsonNode document) {
      items = document.iterator();
    }

    Array(Path file) throws IOException {
      try {
        items = JSON.readTree(Files.readString(file)).iterator();
      } catch (JacksonException e) {
        throw new IllegalArgumentException(file + ": no JSON: " + e.getOriginalMessage(), e);
      }
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

  private static final class Sql extends Rows {
    private final Connection connection;
    private final Statement statement;
    private final ResultSet results;
    private long row;

    Sql(Path file, String function) throws IOException {
      String path = "'" + file.toAbsolutePath().toString().replace("'", "''") + "'";
      String all = function.equals("read_csv") ? ", all_varchar = true, header = true" : "";
      Connection c = null;
      try {
        c = DriverManager.getConnection("jdbc:duckdb:");
        connection = c;
        statement = c.createStatement();
        results = statement.executeQuery("SELECT to_json(t)::VARCHAR FROM " + function + "(" + path + all + ") t");
      } catch (SQLException e) {
        closeQuietly(c, e);
        throw new IllegalArgumentException(file + ": " + firstLine(e), e);
      }
    }

    @Override
    public Row next() throws IOException {
      try {
        return results.next() ? new Row(++row, JSON.readTree(results.getString(1)), null) : null;
      } catch (SQLException e) {
        throw new IOException(firstLine(e), e);
      }
    }

    @Override
    public String unit() {
      return "row";
    }

    @Override
    public void close() throws IOException {
      SQLException first = null;
      for (AutoCloseable c : new AutoCloseable[] {results, statement, connection}) {
        try {
          c.close();
        } catch (Exception e) {
          first = first == null && e instanceof SQLException s ? s : first;
        }
      }
      if (first != null) {
        throw new IOException(firstLine(first), first);
      }
    }

    private static void closeQuietly(Connection c, SQLException cause) {
      if (c != null) {
        try {
          c.close();
        } catch (SQLException e) {
          cause.addSuppressed(e);
        }
      }
    }

    private static String firstLine(SQLException e) {
      return String.valueOf(e.getMessage()).lines().findFirst().orElse("DuckDB failed");
    }
  }
}
