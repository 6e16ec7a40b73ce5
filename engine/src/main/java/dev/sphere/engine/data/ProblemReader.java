package dev.sphere.engine.data;

import dev.sphere.engine.Problem;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Reads problems from files. */
public final class ProblemReader {
  private ProblemReader() {}

  /** Reads a problem set with recognised fields; a bad row refuses the file. */
  public static List<Problem> read(String source) {
    return read(source, ReadOptions.defaults()).problems();
  }

  /**
   * Reads a problem set.
   *
   * @param source the path of a .jsonl, .json, .csv or .parquet file
   * @throws IllegalArgumentException when there is no such file, a field is missing, or a row is bad and bad rows are
   *     not skipped; the message names the row
   * @throws UncheckedIOException when reading fails
   */
  public static ProblemSet read(String source, ReadOptions options) {
    Path file = Path.of(source);
    if (!Files.isRegularFile(file)) {
      throw new IllegalArgumentException(
          "problems " + source + ": there is no such file; give a .jsonl, .json, .csv or .parquet file");
    }
    try (Rows rows = Rows.open(file)) {
      return collect(source, file, rows, options);
    } catch (IOException e) {
      throw new UncheckedIOException("reading problems from " + file + ": " + e.getMessage(), e);
    }
  }

  private static ProblemSet collect(String source, Path file, Rows rows, ReadOptions options) throws IOException {
    ProblemFields fields = new ProblemFields(options, stem(file));
    List<Problem> problems = new ArrayList<>();
    List<ProblemSet.BadRow> skipped = new ArrayList<>();
    Set<String> ids = new HashSet<>();
    for (Rows.Row row = rows.next(); row != null; row = rows.next()) {
      if (options.limit() > 0 && problems.size() == options.limit()) {
        break;
      }
      String reason = row.error();
      try {
        if (reason == null) {
          Problem p = fields.problem(row.value(), row.line());
          if (ids.add(p.id())) {
            problems.add(p);
            continue;
          }
          reason = "its id " + p.id() + " was used before";
        }
      } catch (BadRowException e) {
        reason = e.getMessage();
      }
      if (!options.skipBad()) {
        throw new IllegalArgumentException(
            "problems " + source + ", " + rows.unit() + " " + row.line() + ": " + reason
                + "; mend it, or skip bad rows with --skip-bad");
      }
      skipped.add(new ProblemSet.BadRow(row.line(), reason));
    }
    if (problems.isEmpty()) {
      throw new IllegalArgumentException("problems " + source + ": there is no problem in it"
          + (skipped.isEmpty() ? "" : "; " + rows.unit() + " " + skipped.getFirst().line() + ": "
              + skipped.getFirst().reason()));
    }
    return new ProblemSet(source, problems, skipped);
  }

  private static String stem(Path file) {
    String name = file.getFileName().toString();
    int dot = name.indexOf('.');
    return dot > 0 ? name.substring(0, dot) : name;
  }
}
