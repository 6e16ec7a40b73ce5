package dev.sphere.engine.store;

import dev.sphere.base.AtomicFile;
import dev.sphere.engine.data.DuckDb;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
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
    Path folder = null;
    Path json = null;
    try {
      // DuckDB takes wildcards and partitions in the names that it reads: these have none.
      folder = Files.createTempDirectory("sphere");
      json = folder.resolve("rows.json");
      lines(rows, json);
      Path read = json;
      String types = columns.entrySet().stream()
          .map(c -> c.getKey() + ": " + DuckDb.quoted(c.getValue()))
          .collect(Collectors.joining(", ", "{", "}"));
      AtomicFile.writeNamed(target, parquet -> {
        try (Connection connection = DuckDb.open(read, parquet);
            Statement statement = connection.createStatement()) {
          statement.execute("COPY (SELECT * FROM read_json(" + DuckDb.quoted(read.toString()) + ", columns = " + types
              + ", format = 'newline_delimited', maximum_object_size = 268435456)) TO "
              + DuckDb.quoted(parquet.toString()) + " (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)");
        } catch (SQLException e) {
          throw new IOException(e.getMessage(), e);
        }
      });
    } catch (IOException e) {
      throw new StoreException("cannot write " + target + ": " + e.getMessage(), e);
    } finally {
      delete(json);
      delete(folder);
    }
  }

  private static void lines(List<ObjectNode> rows, Path target) {
    AtomicFile.write(target, out -> {
      for (ObjectNode row : rows) {
        out.write(RecordJson.bytes(row));
        out.write('\n');
      }
    });
  }

  private static void delete(Path file) {
    try {
      if (file != null) {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      System.getLogger(TrlFile.class.getName()).log(System.Logger.Level.WARNING, "cannot delete " + file, e);
    }
  }
}
