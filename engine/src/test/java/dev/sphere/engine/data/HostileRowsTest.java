package dev.sphere.engine.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.Problem;
import dev.sphere.engine.store.PairExport;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Files of rows whose names mean something to DuckDB, whose rows have no end, that grow when they are unpacked. */
@Timeout(value = 300, unit = TimeUnit.SECONDS)
class HostileRowsTest {
  private static final int MIB = 1 << 20;

  @TempDir Path dir;

  private static List<String> answers(Path file) {
    return ProblemReader.read(file.toString()).stream().map(Problem::answer).toList();
  }

  private static void parquet(Path file, String select) throws SQLException {
    try (Connection c = DriverManager.getConnection("jdbc:duckdb:"); Statement s = c.createStatement()) {
      s.execute("COPY (" + select + ") TO '" + file.toString().replace("'", "''") + "' (FORMAT parquet)");
    }
  }

  @Test
  void aFolderNamedLikeAColumnIsAFolder() throws Exception {
    Path folder = Files.createDirectories(dir.resolve("answer=42").resolve("question=why"));
    Path csv = Files.writeString(folder.resolve("a.csv"), "question,answer\nq1,1\n");
    Path parquet = folder.resolve("a.parquet");
    parquet(parquet, "SELECT 'q1' AS question, '1' AS answer");
    for (Path file : List.of(csv, parquet)) {
      List<Problem> problems = ProblemReader.read(file.toString());
      assertEquals("q1", problems.getFirst().question());
      assertEquals("1", problems.getFirst().answer());
    }
  }

  @Test
  void aNameWithWildcardsIsAName() throws Exception {
    Files.writeString(dir.resolve("ab.csv"), "question,answer\nwrong,0\n");
    Files.writeString(dir.resolve("1.csv"), "question,answer\nwrong,0\n");
    parquet(dir.resolve("ab.parquet"), "SELECT 'wrong' AS question, '0' AS answer");
    for (String name : List.of("a*", "a?", "[0-9]", "{ab,1}", "it's", "a\\b", "**", "s3:", "a b;--")) {
      Path csv = Files.writeString(dir.resolve(name + ".csv"), "question,answer\nq1,1\n");
      assertEquals(List.of("1"), answers(csv), name);
      Path parquet = dir.resolve(name + ".parquet");
      parquet(dir.resolve("one.parquet"), "SELECT 'q1' AS question, '1' AS answer");
      Files.move(dir.resolve("one.parquet"), parquet);
      assertEquals(List.of("1"), answers(parquet), name);
    }
    assertThrows(IllegalArgumentException.class, () -> ProblemReader.read(dir.resolve("*.csv.csv").toString()));
  }

  @Test
  void exportGoesWhereItIsTold() throws Exception {
    Path folder = Files.createDirectories(dir.resolve("chosen=x"));
    List<PreferencePair> pairs = List.of(
        new PreferencePair("p", "generation", "q", "right", "wrong", new int[0], new int[0], new int[0]));
    for (String name : List.of("a[b]*.parquet", "it's.parquet")) {
      PairExport.write(pairs, PairExport.Format.TRL_PARQUET, folder.resolve(name));
      try (Rows rows = Rows.open(folder.resolve(name))) {
        assertEquals("right", rows.next().value().get("chosen").asString());
        assertNull(rows.next());
      }
    }
    try (var left = Files.list(folder)) {
      assertEquals(2, left.count(), "nothing else is left behind");
    }
  }

  @Test
  void textStaysAsItStands() throws IOException {
    List<String> texts = List.of("007", "1e5", "true", "2024-02-30", "NaN", "1_000", "0x1F", "1.50", " 3 ", "-0");
    StringBuilder csv = new StringBuilder("question,answer\n# no comment,#1\n");
    for (int i = 0; i < texts.size(); i++) {
      csv.append('q').append(i).append(',').append(texts.get(i)).append('\n');
    }
    try (Rows rows = Rows.open(Files.writeString(dir.resolve("a.csv"), csv))) {
      List<String> found = new ArrayList<>();
      for (Rows.Row row = rows.next(); row != null; row = rows.next()) {
        found.add(row.value().get("answer").asString());
      }
      assertEquals("#1", found.removeFirst());
      assertEquals(texts, found);
    }
  }

  @Test
  void duckDbIsShutIn() throws Exception {
    Path mine = Files.writeString(dir.resolve("mine.csv"), "a\n1\n");
    Path other = Files.writeString(dir.resolve("other.csv"), "a\n1\n");
    for (String sql : List.of("SELECT * FROM read_csv('" + other + "')", "SELECT * FROM read_text('/etc/passwd')",
        "COPY (SELECT 1) TO '" + dir.resolve("new.csv") + "'", "INSTALL httpfs", "LOAD httpfs", "SET threads = 8",
        "SET enable_external_access = true", "ATTACH '" + dir.resolve("new.db") + "'",
        "SELECT * FROM read_csv('https://localhost/a.csv')", "SELECT * FROM glob('/*')")) {
      try (Connection c = DuckDb.open(mine); Statement s = c.createStatement()) {
        assertThrows(SQLException.class, () -> s.execute(sql), sql);
      }
    }
    try (Connection c = DuckDb.open(mine); Statement s = c.createStatement();
        var r = s.executeQuery("SELECT * FROM read_csv('" + mine + "')")) {
      assertTrue(r.next());
    }
    try (var left = Files.list(dir)) {
      assertEquals(2, left.count());
    }
  }

  /** A line of 64 MiB between two short ones. */
  private Path longLine(String name) throws IOException {
    Path file = dir.resolve(name);
    byte[] part = new byte[MIB];
    Arrays.fill(part, (byte) 'x');
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file))) {
      out.write("{\"question\":\"q\",\"answer\":\"1\"}\n{\"question\":\"".getBytes());
      for (int i = 0; i < 64; i++) {
        out.write(part);
      }
      out.write("\",\"answer\":\"2\"}\n{\"question\":\"q\",\"answer\":\"3\"}\n".getBytes());
    }
    return file;
  }

  @Test
  void aLineHasABound() throws IOException {
    Path file = longLine("long.jsonl");
    var e = assertThrows(IllegalArgumentException.class, () -> ProblemReader.read(file.toString()));
    assertTrue(e.getMessage().startsWith("problems " + file + ", line 2: longer than 16 MiB"), e.getMessage());
    ProblemSet set = ProblemReader.read(file.toString(), ReadOptions.defaults().skippingBad());
    assertEquals(List.of("1", "3"), set.problems().stream().map(Problem::answer).toList());
    Path graded = dir.resolve("graded.jsonl");
    Path rows = longLine("grade.jsonl");
    Files.writeString(rows, Files.readString(rows).replace("question", "gold").replace("answer", "pred"));
    e = assertThrows(IllegalArgumentException.class, () -> GradeFile.grade(rows, graded));
    assertTrue(e.getMessage().startsWith(rows + ", line 2: longer than 16 MiB"), e.getMessage());
    assertFalse(Files.exists(graded));
  }

  @Test
  void aRowOfAListHasABound() throws IOException {
    Path file = dir.resolve("long.json");
    Files.writeString(file, "[" + Files.readString(longLine("long.jsonl")).replace("}\n{", "},\n{") + "]");
    var e = assertThrows(IllegalArgumentException.class, () -> ProblemReader.read(file.toString()));
    assertTrue(e.getMessage().contains(file + ", row 2: longer than 16 MiB"), e.getMessage());
    StringBuilder many = new StringBuilder("[");
    many.append("{\"question\":\"q\",\"answer\":\"1\"},".repeat(700_000)).setCharAt(many.length() - 1, ']');
    Files.writeString(file, many);
    try (Rows rows = Rows.open(file)) { // longer than a row may be, but each row is short
      long n = 0;
      while (rows.next() != null) {
        n++;
      }
      assertEquals(700_000, n);
    }
    Files.writeString(file, many.append("{}"));
    try (Rows rows = Rows.open(file)) {
      assertThrows(IllegalArgumentException.class, () -> {
        while (rows.next() != null) { }
      });
    }
  }

  @Test
  void numbersAndNestingHaveBounds() throws IOException {
    for (String value : List.of("[".repeat(101) + "]".repeat(101), "9".repeat(1001), "1e" + "9".repeat(1000))) {
      Path file = Files.writeString(dir.resolve("a.jsonl"), "{\"question\":\"q\",\"answer\":" + value + "}\n");
      var e = assertThrows(IllegalArgumentException.class, () -> ProblemReader.read(file.toString()));
      assertTrue(e.getMessage().startsWith("problems " + file + ", line 1: "), e.getMessage());
    }
  }

  @Test
  void linesAreThoseOfTheFile() throws IOException {
    Path file = Files.writeString(dir.resolve("a.txt"), "\ufeffone\r\ntwo\n\n\u00fc\rx\nlast");
    try (JsonText lines = new JsonText(file)) {
      for (String line : new String[] {"one", "two", "", "\u00fc\rx", "last", null}) {
        assertEquals(line, lines.next());
      }
      assertEquals(5, lines.number());
    }
    byte[] bytes = new byte[JsonText.MOST_BYTES + 1];
    Arrays.fill(bytes, (byte) 'x');
    bytes[JsonText.MOST_BYTES] = '\n';
    Files.write(file, bytes);
    try (JsonText lines = new JsonText(file)) {
      assertEquals(JsonText.MOST_BYTES, lines.next().length());
      assertNull(lines.next());
    }
    bytes[JsonText.MOST_BYTES] = 'x';
    Files.write(file, bytes);
    try (JsonText lines = new JsonText(file)) {
      assertThrows(JsonText.TooLongException.class, lines::next);
      assertNull(lines.next());
    }
  }

  /** A few kilobytes that unpack to rows of hundreds of megabytes: refused, in bounded memory. */
  @Test
  void bombs() throws Exception {
    Path file = dir.resolve("bomb.parquet");
    for (int mib : new int[] {17, 400}) {
      try (Connection c = DriverManager.getConnection("jdbc:duckdb:"); Statement s = c.createStatement()) {
        s.execute("COPY (SELECT repeat('x', " + mib + " * 1048576) AS question, '1' AS answer "
            + "UNION ALL SELECT 'q', '2') TO '" + file + "' (FORMAT parquet, COMPRESSION zstd)");
      }
      assertTrue(Files.size(file) < 200_000, Files.size(file) + " bytes");
      RuntimeException e = assertThrows(RuntimeException.class, () -> ProblemReader.read(file.toString()));
      assertTrue(e instanceof IllegalArgumentException || e instanceof UncheckedIOException, e.toString());
      assertTrue(e.getMessage().contains(file.toString()), e.getMessage());
    }
  }

  @Test
  void aCsvRowHasABound() throws IOException {
    Path file = dir.resolve("long.csv");
    Files.writeString(file, "question,answer\nq,1\n\"" + "x".repeat(40 * MIB) + "\",2\n");
    RuntimeException e = assertThrows(RuntimeException.class, () -> ProblemReader.read(file.toString()));
    assertTrue(e.getMessage().contains(file.toString()), e.getMessage());
  }

  /** Rows without end: the first come at once. */
  @Test
  void rowsComeOneAfterAnother() throws Exception {
    try (Connection c = DuckDb.open(dir); Statement s = c.createStatement();
        var rows = s.executeQuery("SELECT repeat('x', 1000) || i FROM range(1000000000000) t(i)")) {
      for (int i = 0; i < 5000; i++) {
        assertTrue(rows.next());
      }
    }
  }
}
