package dev.sphere.engine.store;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import tools.jackson.databind.node.ObjectNode;

/** Rows for other trainers as JSON Lines or Parquet, written wholly or not at all. */
public final class TrlFile {
  /** A text. */
  public static final String TEXT = "VARCHAR";

  /** A list of messages. */
  public static final String MESSAGES = "STRUCT(role VARCHAR, content VARCHAR)[]";

  /** A list of texts. */
  public static final String TEXTS = "VARCHAR[]";

  /** A list of true and false. */
  public static final String TRUTHS = "BOOLEAN[]";

  private TrlFile() {}

  /**
   * Writes rows in their order.
   *
   * @param columns each column's type, one of those above: Parquet's schema, also where there are no rows
   */
  public static void write(List<ObjectNode> rows, Map<String, String> columns, PairExport.Format format, Path target) {
    if (format == PairExport.Format.TRL_JSONL) {
      lines(rows, target);
      return;
    }
    Path json = target.resolveSibling(target.getFileName() + ".rows.tmp");
    Path parquet = target.resolveSibling(target.getFileName() + ".tmp");
    try {
      lines(rows, json);
      String types = columns.entrySet().stream()
          .map(c -> c.getKey() + ": " + quoted(c.getValue()))
          .collect(Collectors.joining(", ", "{", "}"));
      try (Connection connection = DriverManager.getConnection("jdbc:duckdb:");
          Statement statement = connection.createStatement()) {
        statement.execute("COPY (SELECT * FROM read_json(" + quoted(json.toString()) + ", columns = " + types
            + ", format = 'newline_delimited', maximum_object_size = 268435456)) TO " + quoted(parquet.toString())
            + " (FORMAT parquet, COMPRESSION zstd)");
      }
      Files.move(parquet, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      AtomicFile.forceDirectory(target.toAbsolutePath().getParent());
    } catch (IOException | SQLException e) {
      throw new StoreException("cannot write " + target + ": " + e.getMessage(), e);
    } finally {
      delete(json);
      delete(parquet);
    }
  }

  private static String quoted(String text) {
    return "'" + text.replace("'", "''") + "'";
  }

  private static void lines(List<ObjectNode> rows, Path target) {
    AtomicFile.write(target, out -> {
      for (ObjectNode row : rows) {
        out.write(Json.bytes(row));
        out.write('\n');
      }
    });
  }

  private static void delete(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      System.getLogger(TrlFile.class.getName()).log(System.Logger.Level.WARNING, "cannot delete " + file, e);
    }
  }
}
