package dev.sphere.engine.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.Problem;
import dev.sphere.engine.embedded.ProblemSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProblemReaderTest {
  @TempDir Path dir;

  private List<Problem> read(String name, String content) throws IOException {
    Path file = dir.resolve(name);
    Files.writeString(file, content);
    return ProblemReader.read(file.toString());
  }

  @Test
  void readsTheShapesOfThePublishedSets() throws IOException {
    String lines = """
        {"question":"Two and two?","answer":"2+2=<<2+2=4>>4\\n#### 4"}
        {"problem":"Half?","solution":"so $\\\\boxed{\\\\frac{1}{2}}$.","level":3,"subject":"Algebra","unique_id":"test/1"}
        {"problem":"x?","solution":"long","answer":"\\\\frac{3}{4}"}
        {"query":"Sum?","response":"We add.\\nThe answer is: 7","type":"GSM_Rephrased"}
        {"id":7,"problem":"AMC?","answer":27.0}

        {"id":8,"question":"Roots?","final_answer":["$1$","$2$"],"unit":null,"subfield":"Algebra"}
        {"id":9,"question":"Time?","final_answer":["45"],"unit":"minute"}
        {"problem":"Open?","expected_answer":"-3","generated_solution":"..."}
        {"question":"Reach 88.","nums":[3,4,25],"target":88}
        """;
    List<Problem> p = read("mix.jsonl", lines);
    assertEquals(List.of("4", "\\frac{1}{2}", "\\frac{3}{4}", "7", "27", "$1$, $2$", "45\\text{ minute}", "-3", "88"),
        p.stream().map(Problem::answer).toList());
    assertEquals(List.of("mix:1", "test/1", "mix:3", "mix:4", "mix-7", "mix-8", "mix-9", "mix:9", "mix:10"),
        p.stream().map(Problem::id).toList());
    assertEquals("3", p.get(1).metadata().get("level"));
    assertEquals("3, 4, 25", p.getLast().metadata().get("nums"));
  }

  /** A pipe's rows can be read once: they are copied first. Its name says nothing, as /dev/fd/63 does. */
  @Test
  void aPipeIsRead() throws Exception {
    Path pipe = dir.resolve("fifo");
    assertEquals(0, new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor());
    Thread writer = Thread.startVirtualThread(() -> {
      try {
        Files.writeString(pipe, "[{\"question\":\"q1\",\"answer\":\"4\"}]");
      } catch (IOException e) {
        throw new java.io.UncheckedIOException(e);
      }
    });
    List<Problem> piped = ProblemSource.read(pipe.toString());
    writer.join();
    assertEquals("q1", piped.getFirst().question());
    assertEquals("pipe:1", piped.getFirst().id());
  }

  @Test
  void aFolderAndOtherTextAreNamed() throws IOException {
    for (String name : List.of("u.csv", "u.jsonl", "u.json")) {
      for (String order : List.of("UTF-16", "UTF-16LE")) {
        Path file = Files.write(dir.resolve(name), "question,answer\nq,4\n".getBytes(order));
        String message = assertThrows(IllegalArgumentException.class, () -> ProblemReader.read(file.toString())).getMessage();
        assertTrue(message.contains("UTF-16") && message.contains("iconv"), message);
      }
    }
    String folder = assertThrows(IllegalArgumentException.class, () -> ProblemSource.read(dir.toString())).getMessage();
    assertTrue(folder.contains("is a folder"), folder);
  }

  @Test
  void readsArraysCsvAndParquetAlike() throws Exception {
    List<Problem> array = read("a.json", "[{\"question\":\"q1\",\"answer\":\"1,234\"},\n{\"question\":\"q2\",\"answer\":2}]");
    List<Problem> csv = read("a.csv", "question,answer\nq1,\"1,234\"\nq2,2\n");
    Path parquet = dir.resolve("a.parquet");
    try (Connection c = DriverManager.getConnection("jdbc:duckdb:");
        Statement s = c.createStatement()) {
      s.execute("COPY (SELECT 'q1' AS question, '1,234' AS answer UNION ALL SELECT 'q2', '2') TO '" + parquet
          + "' (FORMAT parquet)");
    }
    assertEquals(array, csv);
    assertEquals(array, ProblemReader.read(parquet.toString()));
    assertEquals(List.of("1,234", "2"), array.stream().map(Problem::answer).toList());
  }

  @Test
  void namesTheBadLineAndSkipsItOnlyWhenAsked() throws IOException {
    Path file = dir.resolve("bad.jsonl");
    Files.writeString(file, """
        {"question":"q","answer":"1"}
        {"question":"q","answer":
        {"question":"q"}
        {"problem":"q","solution":"no box here"}
        {"question":"","answer":"1"}
        [1]
        {"question":"q","answer":"2"}
        """);
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> ProblemReader.read(file.toString()));
    assertTrue(e.getMessage().contains("bad.jsonl, line 2: no JSON"), e.getMessage());
    ProblemSet set = ProblemReader.read(file.toString(), ReadOptions.defaults().skippingBad());
    assertEquals(2, set.problems().size());
    assertEquals(List.of(2L, 3L, 4L, 5L, 6L), set.skipped().stream().map(ProblemSet.BadRow::line).toList());
  }

  @Test
  void takesNamedFields() throws IOException {
    Path file = dir.resolve("own.jsonl");
    Files.writeString(file, "{\"q\":\"one?\",\"gold\":\"x\",\"a\":1,\"key\":\"k\"}\n");
    ProblemSet set = ProblemReader.read(file.toString(), new ReadOptions("q", "a", "key", false, 0));
    assertEquals(List.of(new Problem("k", "one?", "1")), set.problems());
    assertThrows(IllegalArgumentException.class,
        () -> ProblemReader.read(file.toString(), new ReadOptions("none", "a", null, false, 0)));
  }

  @Test
  void refusesRepeatedIdsMissingFilesAndUnknownSets() throws IOException {
    Path file = dir.resolve("twice.jsonl");
    Files.writeString(file, "{\"id\":1,\"question\":\"a\",\"answer\":1}\n{\"id\":1,\"question\":\"b\",\"answer\":1}\n");
    assertThrows(IllegalArgumentException.class, () -> ProblemReader.read(file.toString()));
    assertThrows(IllegalArgumentException.class, () -> ProblemReader.read(dir.resolve("none.jsonl").toString()));
    assertThrows(IllegalArgumentException.class, () -> ProblemSource.read("embedded:none"));
    assertThrows(IllegalArgumentException.class, () -> read("empty.jsonl", "\n"));
    assertEquals(5, ProblemSource.read("embedded:test", ReadOptions.defaults().withLimit(5)).problems().size());
  }
}
