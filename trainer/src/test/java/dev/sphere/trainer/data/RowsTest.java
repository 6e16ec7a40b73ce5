package dev.sphere.trainer.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.PreferencePair;
import dev.sphere.trainer.data.RowReport.OnBadRow;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rows to text to tokens, with an encoder of one token a character. */
class RowsTest {
  private static final TextEncoder CHARACTERS = new Characters();

  @TempDir
  Path folder;

  private final RowReport report = new RowReport("rows.jsonl", OnBadRow.SKIP);

  private Path file(String... lines) throws IOException {
    return Files.writeString(folder.resolve("rows.jsonl"), String.join("\n", lines));
  }

  private List<PreferencePair> preferences(String... lines) throws IOException {
    return new RowReader(CHARACTERS, report).preferences(file(lines));
  }

  private static String text(TrainingSequence s) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < s.length(); i++) {
      text.append(i == s.promptLength() ? ">" : "").append((char) s.tokens()[i]);
    }
    return text.toString().replace((char) 1, '^');
  }

  @Test
  void allFormsOfAPreference() throws IOException {
    List<PreferencePair> pairs = preferences(
        "{\"prompt\":\"2+2=\",\"chosen\":\"4\",\"rejected\":\"5\"}",
        "",
        "{\"chosen\":\"say yes\",\"rejected\":\"say yet\"}",
        "{\"chosen\":\"a b\",\"rejected\":\"a c\"}",
        "{\"prompt\":[{\"role\":\"user\",\"content\":\"q\"}],\"chosen\":[{\"role\":\"assistant\",\"content\":\"w\"}],"
            + "\"rejected\":[{\"role\":\"assistant\",\"content\":\"l\"}]}",
        "{\"chosen\":[{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"assistant\",\"content\":\"w\"}],"
            + "\"rejected\":[{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"assistant\",\"content\":\"l\"}]}",
        "{\"problem_id\":\"p7\",\"stage\":\"diversity\",\"prompt\":\"x\",\"chosen\":\"y\",\"rejected\":\"z\","
            + "\"prompt_tokens\":[1,2],\"chosen_tokens\":[3],\"rejected_tokens\":[4,5]}");
    assertEquals(List.of(), report.badRows());
    List<String> texts = pairs.stream().map(p -> p.prompt() + ">" + p.chosen() + "/" + p.rejected()).toList();
    assertEquals(
        List.of("2+2=>4/5", "say ye>s/t", "a> b/ c", "u:q|a:>w/l", "u:q|a:>w/l", "x>y/z"), texts);
    assertEquals("line 1", pairs.getFirst().problemId());
    assertEquals("line 3", pairs.get(1).problemId());
    assertEquals("p7", pairs.getLast().problemId());
    assertEquals("diversity", pairs.getLast().stage());
    assertArrayEquals(new int[] {4, 5}, pairs.getLast().rejectedTokens());
  }

  @Test
  void badRowsAreNamedAndCountedOrRefused() throws IOException {
    String[] lines = {
      "{\"prompt\":\"a\",\"chosen\":\"b\",\"rejected\":\"c\"}",
      "{\"prompt\":\"a\",\"chosen\":\"b\"",
      "[1]",
      "{\"prompt\":\"a\",\"chosen\":\"b\"}",
      "{\"prompt\":\"a\",\"chosen\":3,\"rejected\":\"c\"}",
      "{\"chosen\":\"b\",\"rejected\":\"c\"}",
      "{\"prompt\":\"a\",\"chosen\":[{\"role\":\"user\",\"content\":\"w\"}],"
          + "\"rejected\":[{\"role\":\"assistant\",\"content\":\"l\"}]}",
      "{\"prompt\":\"a\",\"chosen\":[{\"content\":\"w\"}],\"rejected\":[]}",
      "{\"prompt\":\"a\",\"chosen\":\"b\",\"rejected\":\"c\",\"prompt_tokens\":[\"x\"]}",
    };
    assertEquals(1, preferences(lines).size());
    List<String> named = report.badRows().stream().map(RowReport.BadRow::row).toList();
    assertEquals(
        List.of("line 2", "line 3", "line 4", "line 5", "line 6", "line 7", "line 8", "line 9"), named);
    assertTrue(report.badRows().get(2).reason().contains("no \"rejected\"; the row has prompt, chosen"));
    assertTrue(report.summary().contains("8 skipped: line 2 (not JSON"), report.summary());
    var strict = new RowReader(CHARACTERS, new RowReport("rows.jsonl", OnBadRow.REFUSE));
    Path file = file(lines);
    var e = assertThrows(IllegalArgumentException.class, () -> strict.preferences(file));
    assertTrue(e.getMessage().startsWith("rows.jsonl, line 2: not JSON"), e.getMessage());
  }

  @Test
  void allFormsOfAnImitation() throws IOException {
    var rows = new RowReader(CHARACTERS, report).imitations(file(
        "{\"prompt\":\"p\",\"completion\":\"c\"}",
        "{\"prompt\":[{\"role\":\"user\",\"content\":\"q\"}],\"completion\":[{\"role\":\"assistant\",\"content\":\"x\"}]}",
        "{\"text\":\"abc\"}",
        "{\"messages\":[{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"assistant\",\"content\":\"1\"},"
            + "{\"role\":\"user\",\"content\":\"r\"},{\"role\":\"assistant\",\"content\":\"2\"}]}",
        "{\"messages\":[{\"role\":\"user\",\"content\":\"q\"}]}",
        "{\"prompt\":\"p\",\"completion\":\"c\"}"));
    List<Example.Imitation> examples = new ExampleEncoder(CHARACTERS, 99, report).imitations(rows);
    assertEquals(
        List.of("^p>c$", "^u:q|a:>x$", "^>abc$", "^u:q|a:>1$", "^u:q|a:1|u:r|a:>2$", "^p>c$"),
        examples.stream().map(e -> text(e.sequence())).toList());
    assertEquals(
        List.of("p", "u:q|a:", "line 3", "u:q|a:", "u:q|a:", "p"), examples.stream().map(Example::tree).toList(),
        "a question is one tree, in whatever rows its answers stand, and a dialogue is one with its first question");
    assertEquals(1, report.badRows().size());
    assertEquals(6, report.usedCount());
    assertEquals(1, report.notes().get("repeated"));
  }

  private static PreferencePair pair(String prompt, String chosen, String rejected) {
    return new PreferencePair("p", "", prompt, chosen, rejected, new int[0], new int[0], new int[0]);
  }

  @Test
  void exactlyOneEndTokenAndNoEmptyCompletion() {
    List<Example.Preference> examples = new ExampleEncoder(CHARACTERS, 6, report).preferences(List.of(
        pair("ab", "x", "y"),
        pair("ab", "x$$", "y$"),
        pair("ab", "xxxxxxxx", "y"),
        pair("abcde", "x", "y"),
        pair("ab", "xxxx", "xxxxz"),
        pair("ab", "x", " "),
        pair("ab", "x", "y")));
    assertEquals(
        List.of("^ab>x$ ^ab>y$", "^ab>x$ ^ab>y$", "^ab>xxx ^ab>y$", "^ab>x$ ^ab>y$"),
        examples.stream().map(e -> text(e.chosen()) + " " + text(e.rejected())).toList());
    assertEquals(
        List.of(
            new RowReport.BadRow("pair 4 (p)", "the prompt has 6 tokens: max-length 6 leaves no completion"),
            new RowReport.BadRow("pair 5 (p)", "chosen and rejected are the same within max-length 6"),
            new RowReport.BadRow("pair 6 (p)", "rejected is empty")),
        report.badRows());
    assertEquals(2, report.notes().get("repeated"));
    assertEquals(4, report.usedCount());
  }

  @Test
  void drawnTokensAreTakenWhereTheModelIsTheSame() {
    int[] prompt = {1, 'p'};
    var same = new PreferencePair(
        "a", "", "p", "xy \\boxed{1}", "z", prompt, new int[] {7, 8}, new int[] {9});
    var finished = new PreferencePair(
        "b", "", "p", "xy", "\\boxed{2}", prompt, new int[] {7, 8, '$'}, new int[] {9});
    var other = new PreferencePair("c", "", "p", "xy", "z", new int[] {5}, new int[] {7}, new int[] {9});
    List<Example.Preference> e =
        new ExampleEncoder(CHARACTERS, 99, report).preferences(List.of(same, finished, other));
    assertArrayEquals(new int[] {1, 'p', 7, 8, '$'}, e.get(0).chosen().tokens());
    assertArrayEquals(new int[] {1, 'p', 9}, e.get(0).rejected().tokens(), "cut off: no end");
    assertArrayEquals(new int[] {1, 'p', 7, 8, '$'}, e.get(1).chosen().tokens());
    assertArrayEquals(new int[] {1, 'p', 9, '$'}, e.get(1).rejected().tokens(), "states an answer: ends");
    assertArrayEquals(new int[] {1, 'p', 'x', 'y', '$'}, e.get(2).chosen().tokens());
  }

  @Test
  void aRejectedCompletionCanEndAfterItsFirstDifferentStep() {
    List<Example.Preference> e = new ExampleEncoder(CHARACTERS, 99, report).withStepSeparator("/").preferences(List.of(
        pair("p", "a/b/c", "a/x/y"), pair("p", "a/b", "x/b"), pair("p", "a/b", "a/c"), pair("p", "a", "a/b/c")));
    assertEquals(
        List.of("^p>a/x/", "^p>x/", "^p>a/c$", "^p>a/"),
        e.stream().map(x -> text(x.rejected())).toList());
    assertEquals("^p>a/b/c$", text(e.getFirst().chosen()));
  }

  @Test
  void parquetHoldsTheSameRows() throws Exception {
    Path json = file(
        "{\"prompt\":\"2+2=\",\"chosen\":\"4\",\"rejected\":\"5\",\"source\":\"a\"}",
        "{\"prompt\":null,\"chosen\":\"say yes\",\"rejected\":\"say yet\",\"source\":\"b\"}",
        "{\"prompt\":\"x\",\"chosen\":\"y\",\"rejected\":null,\"source\":\"b\"}");
    Path talk = Files.writeString(folder.resolve("talk.jsonl"),
        "{\"chosen\":[{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"assistant\",\"content\":\"w\"}],"
            + "\"rejected\":[{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"assistant\",\"content\":\"l\"}]}");
    Path steps = Files.writeString(folder.resolve("steps.jsonl"),
        "{\"prompt\":\"p\",\"completions\":[\"a\",\"b\"],\"labels\":[true,false]}");
    try (var connection = java.sql.DriverManager.getConnection("jdbc:duckdb:");
        var statement = connection.createStatement()) {
      for (Path from : List.of(json, talk, steps)) {
        statement.execute("COPY (SELECT * FROM read_json('" + from + "')) TO '" + from + ".parquet' (FORMAT parquet)");
      }
    }
    RowReader reader = new RowReader(CHARACTERS, report);
    var texts = reader.preferences(Path.of(json + ".parquet")).stream()
        .map(p -> p.problemId() + " " + p.prompt() + ">" + p.chosen() + "/" + p.rejected()).toList();
    assertEquals(List.of("row 1 2+2=>4/5", "row 2 say ye>s/t"), texts);
    assertEquals(
        List.of(new RowReport.BadRow("row 3", "no \"rejected\"; the row has prompt, chosen, rejected, source")),
        report.badRows());
    var talked = reader.preferences(Path.of(talk + ".parquet")).getFirst();
    assertEquals("u:q|a:>w/l", talked.prompt() + ">" + talked.chosen() + "/" + talked.rejected());
    RowReader.StepRow row = reader.steps(Path.of(steps + ".parquet")).getFirst();
    assertEquals(List.of("a", "b"), row.steps());
    assertArrayEquals(new double[] {1, 0}, row.labels());
  }

  @Test
  void stepwiseSupervision() throws IOException {
    var rows = new RowReader(CHARACTERS, report).steps(file(
        "{\"prompt\":\"p\",\"completions\":[\"a\",\"b/\",\"c\"],\"labels\":[true,null,0.25]}",
        "{\"prompt\":\"p\",\"completions\":[\"a\"],\"labels\":[]}",
        "{\"prompt\":\"p\",\"completions\":[\"a\"],\"labels\":[2]}",
        "{\"prompt\":\"p\",\"completions\":[],\"labels\":[]}"));
    assertEquals(List.of("line 2", "line 3", "line 4"), report.badRows().stream().map(RowReport.BadRow::row).toList());
    var labels = new StepEncoder.Labels('+', '-', '#');
    List<Example.Step> steps = new StepEncoder(CHARACTERS, 99, report, false).rows(rows, labels, "/");
    assertEquals(
        List.of("^pa/#>+ ^pa/#>- 1.0", "^pa/#b/#c/#>+ ^pa/#b/#c/#>- 0.25"),
        steps.stream().map(s -> text(s.sequences().getFirst()) + " " + text(s.sequences().getLast()) + " " + s.label()).toList());
    var noSeparator = new StepEncoder(CHARACTERS, 5, report, false).rows(rows, new StepEncoder.Labels(1, 0, -1), "/");
    assertEquals(1, noSeparator.size(), "the third step does not fit");
    assertEquals("line 1 step 3", report.badRows().getLast().row());
  }

  @Test
  void weightsAndPartsOfMessages() throws IOException {
    var rows = new RowReader(CHARACTERS, report).imitations(file(
        "{\"prompt\":\"p\",\"completion\":\"c\",\"weight\":0.5}",
        "{\"prompt\":\"p\",\"completion\":\"c\",\"weight\":-1}",
        "{\"prompt\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]}],"
            + "\"completion\":[{\"role\":\"assistant\",\"content\":\"x\"}]}",
        "{\"prompt\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\"}]}],\"completion\":\"x\"}"));
    assertEquals(List.of("line 2", "line 4"), report.badRows().stream().map(RowReport.BadRow::row).toList());
    List<Example.Imitation> e = new ExampleEncoder(CHARACTERS, 99, report).imitations(rows);
    assertEquals(List.of("^p>c$ 0.5", "^u:ab|a:>x$ 1.0"), e.stream().map(x -> text(x.sequence()) + " " + x.weight()).toList());
  }

  /** Step-DPO: problem and shared steps are the prompt; only a completion's own end is an end. */
  @Test
  void stepPairsAreTheFirstStepsThatDiffer() {
    List<Example.Preference> e = new ExampleEncoder(CHARACTERS, 99, report).withStepPairs("/").preferences(List.of(
        pair("p", "a/b/c", "a/x/y"), pair("p", "a/b", "x/b"), pair("p", "a/b", "a/c"), pair("p", "a/b/", "a/b/c/d")));
    assertEquals(
        List.of("^pa/>b/ ^pa/>x/", "^p>a/ ^p>x/", "^pa/>b$ ^pa/>c$"),
        e.stream().map(x -> text(x.chosen()) + " " + text(x.rejected())).toList());
    assertEquals(List.of("p", "p", "p"), e.stream().map(Example::tree).toList(), "one problem, one tree");
    assertEquals("chosen is the beginning of the other: no step differs", report.badRows().getFirst().reason());
    // Tokens that were drawn are taken where they fall into the same pieces: here 'b/' was one token, 500.
    var drawn = new PreferencePair("d", "", "p", "a/b/c", "a/x", new int[] {1, 'p'},
        new int[] {'a', '/', 500, 'c', '$'}, new int[] {'a', '/', 'x', '$'});
    List<Example.Preference> d = new ExampleEncoder(CHARACTERS, 99, report).withStepPairs("/").preferences(List.of(drawn));
    assertArrayEquals(new int[] {1, 'p', 'a', '/', 'b', '/'}, d.getFirst().chosen().tokens());
    assertArrayEquals(new int[] {1, 'p', 'a', '/', 'x', '$'}, d.getFirst().rejected().tokens());
  }

  @Test
  void unreadableFilesAreNamed() throws IOException {
    Path file = folder.resolve("latin1.jsonl");
    Files.write(file, new byte[] {'{', '"', (byte) 0xE9, '"', '}'});
    RowReader reader = new RowReader(CHARACTERS, report);
    assertTrue(assertThrows(IllegalArgumentException.class, () -> reader.preferences(file))
        .getMessage().contains("not UTF-8"));
    assertThrows(java.io.UncheckedIOException.class, () -> reader.preferences(folder.resolve("none")));
  }
}
