package dev.sphere.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.RandomModel;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Half of a character in a row, which JSON can write and no file can hold: no command that reads rows loses one for it. */
class BadCharacterTest {
  private static final String HALF = "\\ud83d";

  @TempDir static Path dir;
  private String model;

  private record Done(int status, String out) {
    JsonNode last() {
      return JsonMapper.shared().readTree(Call.last(out));
    }
  }

  @BeforeEach
  void model() {
    Path file = dir.resolve("tiny.gguf");
    if (!Files.exists(file)) {
      RandomModel.write(RandomModel.like("tiny-qwen2"), ByteVocabulary.metadata(), GgmlType.F32, 1, file);
    }
    model = file.toString();
  }

  private static Done call(String words) {
    StringWriter text = new StringWriter();
    CommandLine line = new CommandLine(new dev.sphere.cli.Main());
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.setOut(new PrintWriter(text));
    line.setErr(new PrintWriter(text));
    int status = line.execute(words.split(" "));
    return new Done(status, text.toString());
  }

  /** A file of three rows, the second with the half wherever it says X. */
  private static Path rows(String name, String row) throws IOException {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      lines.add(row.replace("N", String.valueOf(i)).replace("X", i == 1 ? HALF : ""));
    }
    return Files.write(dir.resolve(name), lines);
  }

  private static List<JsonNode> written(Path file) {
    try {
      return Files.readAllLines(file).stream().map(JsonMapper.shared()::readTree).toList(); // fails on what is not UTF-8
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private static DynamicTest three(String command, Path out) {
    return DynamicTest.dynamicTest(command, () -> {
      Done done = call(command + " --out " + out);
      assertEquals(0, done.status, done.out);
      assertEquals(3, written(out).size(), Files.readString(out));
    });
  }

  private static DynamicTest trains(String command, int rows) {
    return DynamicTest.dynamicTest(command, () -> {
      Done done = call(command + " --steps 2 --threads 1 --json");
      assertEquals(0, done.status, done.out);
      assertEquals(rows, done.last().path("rows").asInt(), done.out);
      assertEquals(0, done.last().path("bad_rows").asInt(), done.out);
    });
  }

  @TestFactory
  Stream<DynamicTest> noRowIsLost() throws IOException {
    Path texts = rows("texts.jsonl", "{\"id\":\"N X\",\"prompt\":\"Tom has N pens. X\",\"completion\":\"X N pens\"}");
    Path answers = rows("answers.jsonl", "{\"gold\":\"N\",\"pred\":\"X it is \\\\boxed{N}\"}");
    Path problems = rows("problems.jsonl", "{\"id\":\"pN X\",\"question\":\"Tom has N pens. X How many pens?\",\"answer\":\"N\"}");
    Path pairs = rows("pairs.jsonl", "{\"prompt\":\"1+N= X\",\"chosen\":\"X 2\",\"rejected\":\"3 X\"}");
    Path labels = rows("labels.jsonl", "{\"prompt\":\"1+N= X\",\"completions\":[\"2 X\",\"3\"],\"labels\":[true,false]}");
    Path steps = rows("steps.jsonl", "{\"id\":\"sN X\",\"problem\":\"1+N= X\",\"steps\":[\"2 X\",\"3\"],\"label\":1}");
    String small = " --model embedded-small";
    return Stream.of(
        three("score" + small + " --in " + texts, dir.resolve("scored")),
        three("generate" + small + " --max-tokens 3 --in " + texts, dir.resolve("generated")),
        three("eval" + small + " --max-tokens 3 --problems " + problems, dir.resolve("evaluated")),
        three("eval prm" + small + " --prm random --steps " + steps, dir.resolve("measured")),
        three("grade --in " + answers, dir.resolve("graded")),
        trains("train sft --model " + model + " --lora-rank 2 --out " + dir.resolve("sft") + " --data " + texts, 3),
        trains("train dpo --model " + model + " --lora-rank 2 --out " + dir.resolve("dpo") + " --data " + pairs, 3),
        trains("train prm --model " + model + " --method full --model-out " + dir.resolve("prm.gguf") + " --data " + labels, 6),
        DynamicTest.dynamicTest("grade --golds", () -> {
          Done done = call("grade --json --golds " + problems + " --out " + dir.resolve("golds"));
          assertEquals(0, done.status, done.out);
          assertEquals(3, done.last().path("golds").asInt(), done.out);
        }),
        DynamicTest.dynamicTest("search", () -> {
          Path run = dir.resolve("run");
          Done done = call("search" + small + " --prm random --candidates 2 --depth 3 --pairing any --problems " + problems + " --run " + run);
          assertEquals(0, done.status, done.out);
          assertEquals(3, written(run.resolve("results.jsonl")).size());
          assertEquals(0, call("run check " + run).status);
          assertEquals(0, call("pages --run " + run + " --out " + dir.resolve("pages")).status);
          assertTrue(Files.exists(dir.resolve("pages/problem-00003.html")));
        }));
  }
}
