package dev.sphere.engine.data;

import dev.sphere.engine.Problem;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Reads problems from files. */
public final class ProblemReader {
  /** Bytes that are taken from a pipe at most. */
  private static final long MOST_PIPED = 1L << 30;

  private ProblemReader() {}

  /** Reads a problem set with recognised fields; a bad row refuses the file. */
  public static List<Problem> read(String source) {
    return read(source, ReadOptions.defaults()).problems();
  }

  /**
   * Reads a problem set. The rows of a pipe, such as /dev/stdin, are copied first, at most 1 GiB.
   *
   * @param source the path of a .jsonl, .json, .csv or .parquet file
   * @throws IllegalArgumentException when there is no such file, a field is missing, or a row is bad and bad rows are
   *     not skipped; the message names the row
   * @throws UncheckedIOException when reading fails
   */
  public static ProblemSet read(String source, ReadOptions options) {
    Path file = Path.of(source);
    if (!Files.exists(file) || Files.isDirectory(file)) {
      throw new IllegalArgumentException("problems " + source
          + (Files.exists(file) ? ": this is a folder" : ": there is no such file") + "; give a .jsonl, .json, .csv or .parquet file");
    }
    try {
      return Files.isRegularFile(file) ? read(source, stem(file), file, options) : piped(source, file, options);
    } catch (IOException e) {
      throw new UncheckedIOException("reading problems from " + file + ": " + e.getMessage(), e);
    }
  }

  private static ProblemSet read(String source, String name, Path file, ReadOptions options) throws IOException {
    try (Rows rows = Rows.open(file)) {
      return collect(source, name, rows, options);
    }
  }

  private static ProblemSet piped(String source, Path pipe, ReadOptions options) throws IOException {
    Path copy = Files.createTempFile("sphere-problems", ".json");
    try (InputStream in = Files.newInputStream(pipe); OutputStream out = Files.newOutputStream(copy)) {
      byte[] part = new byte[1 << 16];
      long left = MOST_PIPED;
      for (int n = in.read(part); n >= 0; n = in.read(part)) {
        left -= n;
        if (left < 0) {
          throw new IllegalArgumentException("problems " + source + ": more than " + (MOST_PIPED >> 20) + " MiB come from "
              + "this pipe; give a file");
        }
        out.write(part, 0, n);
      }
      out.flush();
      return read(source, "pipe", copy, options);
    } finally {
      Files.delete(copy);
    }
  }

  private static ProblemSet collect(String source, String name, Rows rows, ReadOptions options) throws IOException {
    ProblemFields fields = new ProblemFields(options, name);
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
