package dev.sphere.engine.data;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Arrays;
import java.util.Properties;
import java.util.stream.Collectors;

/**
 * DuckDB for single files, shut in: it opens the named files and no others, loads no extensions, has no
 * network, one thread and a bounded memory, writes no temporary files, and hands rows out one after another.
 */
public final class DuckDb {
  /** Memory that a connection may take. */
  static final String MEMORY = "1GiB";

  private DuckDb() {}

  /** A connection that can open these files. Their names may hold no wildcard. */
  public static Connection open(Path... files) throws SQLException {
    Properties settings = new Properties();
    settings.setProperty("jdbc_stream_results", "true");
    settings.setProperty("memory_limit", MEMORY);
    settings.setProperty("threads", "1");
    settings.setProperty("temp_directory", "");
    settings.setProperty("autoinstall_known_extensions", "false");
    settings.setProperty("autoload_known_extensions", "false");
    settings.setProperty("allow_community_extensions", "false");
    Connection connection = DriverManager.getConnection("jdbc:duckdb:", settings);
    try (Statement statement = connection.createStatement()) {
      String names = Arrays.stream(files).map(f -> quoted(f.toString())).collect(Collectors.joining(", "));
      statement.execute("SET allowed_paths = [" + names + "]");
      statement.execute("SET enable_external_access = false");
      statement.execute("SET lock_configuration = true");
      return connection;
    } catch (SQLException e) {
      try (connection) {
        throw e;
      }
    }
  }

  /** A text as SQL has it. */
  public static String quoted(String text) {
    return "'" + text.replace("'", "''") + "'";
  }

  /** The first line of what went wrong. */
  static String reason(SQLException e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse("DuckDB failed");
  }
}
