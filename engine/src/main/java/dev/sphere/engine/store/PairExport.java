package dev.sphere.engine.store;

import dev.sphere.engine.PreferencePair;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import org.duckdb.DuckDBAppender;
import org.duckdb.DuckDBConnection;
import tools.jackson.databind.node.ObjectNode;

/**
 * Pairs for other trainers. The columns are those of TRL's preference format with explicit prompt: {@code prompt} (the
 * chat template rendered), {@code chosen} and {@code rejected} (completions without end token, which trainers add), and
 * two of our own, {@code problem_id} and {@code stage}.
 */
public final class PairExport {
  /** The file formats. */
  public enum Format {
    TRL_JSONL,
    TRL_PARQUET
  }

  private PairExport() {}

  /** Writes the pairs in their order, wholly or not at all. */
  public static void write(List<PreferencePair> pairs, Format format, Path target) {
    switch (format) {
      case TRL_JSONL -> writeJsonl(pairs, target);
      case TRL_PARQUET -> writeParquet(pairs, target);
    }
  }

  private static void writeJsonl(List<PreferencePair> pairs, Path target) {
    AtomicFile.write(target, out -> {
      for (PreferencePair pair : pairs) {
        ObjectNode row = Json.MAPPER.createObjectNode();
        row.put("prompt", pair.prompt()).put("chosen", pair.chosen()).put("rejected", pair.rejected());
        row.put("problem_id", pair.problemId()).put("stage", pair.stage());
        out.write(Json.bytes(row));
        out.write('\n');
      }
    });
  }

  private static void writeParquet(List<PreferencePair> pairs, Path target) {
    Path parquet = target.resolveSibling(target.getFileName() + ".tmp");
    try {
      try (Connection connection = DriverManager.getConnection("jdbc:duckdb:");
          Statement statement = connection.createStatement()) {
        statement.execute("CREATE TABLE pairs (prompt VARCHAR, chosen VARCHAR, rejected VARCHAR, problem_id VARCHAR, "
            + "stage VARCHAR)");
        try (DuckDBAppender rows = connection.unwrap(DuckDBConnection.class).createAppender("main", "pairs")) {
          for (PreferencePair pair : pairs) {
            rows.beginRow();
            rows.append(pair.prompt());
            rows.append(pair.chosen());
            rows.append(pair.rejected());
            rows.append(pair.problemId());
            rows.append(pair.stage());
            rows.endRow();
          }
        }
        String path = parquet.toString().replace("'", "''");
        statement.execute("COPY pairs TO '" + path + "' (FORMAT parquet, COMPRESSION zstd)");
      }
      Files.move(parquet, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      AtomicFile.forceDirectory(target.toAbsolutePath().getParent());
    } catch (IOException | SQLException e) {
      throw new StoreException("cannot write " + target + ": " + e.getMessage(), e);
    } finally {
      delete(parquet);
    }
  }

  private static void delete(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      System.getLogger(PairExport.class.getName()).log(System.Logger.Level.WARNING, "cannot delete " + file, e);
    }
  }
}
