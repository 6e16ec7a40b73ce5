package dev.sphere.cli.command;

import static dev.sphere.cli.command.Call.call;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.eval.AnswerFile;
import dev.sphere.engine.eval.Answered;
import dev.sphere.engine.store.Journal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** {@code run check}, and the advice of what it and others say, followed on runs of the embedded model. */
class RunCheckCommandTest {
  @TempDir private Path temporary;

  private static Call search(Path run, Object... more) {
    return call(Stream.concat(Stream.of("search", "--model", "embedded", "--small-model", "embedded-small",
        "--problems", "embedded:train", "--limit", 3, "--run", run, "--candidates", 3, "--rollouts", 2),
        Arrays.stream(more)).toArray());
  }

  private static void flip(Path file) throws IOException {
    flip(file, (int) Files.size(file) / 2);
  }

  private static void flip(Path file, int at) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    bytes[at] ^= 1;
    Files.write(file, bytes);
  }

  private static void cutLastLine(Path file) throws IOException {
    List<String> lines = Files.readAllLines(file);
    Files.write(file, lines.subList(0, lines.size() - 1));
  }

  @Test
  void aDamagedSearchIsToldMendedAndWhole() throws Exception {
    Path run = temporary.resolve("run");
    assertEquals(0, search(run).status());
    byte[] pairs = Files.readAllBytes(run.resolve("pairs.jsonl"));
    Call whole = call("run", "check", run);
    assertEquals(0, whole.status(), whole.err());
    assertTrue(whole.out().contains("is whole"), whole.out());

    flip(run.resolve("stages.jsonl"));
    cutLastLine(run.resolve("tree.jsonl"));
    flip(run.resolve("pairs.jsonl"));
    byte[] stages = Files.readAllBytes(run.resolve("stages.jsonl"));
    Call damaged = call("run", "check", run, "--json");
    assertEquals(1, damaged.status(), damaged.err());
    JsonNode told = damaged.json();
    assertEquals("search", told.get("kind").asString());
    assertFalse(told.get("whole").asBoolean());
    assertTrue(told.get("mendable").asBoolean());
    assertTrue(told.get("findings").size() >= 2, told.toString());
    assertArrayEquals(stages, Files.readAllBytes(run.resolve("stages.jsonl")), "it changes nothing");
    assertFalse(Files.exists(run.resolve("damaged")), "it changes nothing");

    Object[] exporting = {"export", "--run", run, "--format", "trl-jsonl", "--out", temporary.resolve("out.jsonl")};
    Call export = call(exporting);
    assertEquals(1, export.status());
    assertTrue(export.err().contains("go on with the command that made the run and --resume"), export.err());
    Call resumed = search(run, "--resume");
    assertEquals(0, resumed.status(), resumed.err());
    for (JsonNode finding : told.get("findings")) {
      assertTrue(resumed.err().contains(finding.get("lost").asString()), resumed.err());
    }
    assertArrayEquals(pairs, Files.readAllBytes(run.resolve("pairs.jsonl")));
    assertEquals(0, call("run", "check", run).status());
    assertEquals(0, call(exporting).status());

    flip(run.resolve("run.json"));
    Call lost = call("run", "check", run);
    assertEquals(1, lost.status());
    assertTrue(lost.out().contains("bring it back from a copy, or begin anew in another directory"), lost.out());
    assertTrue(lost.out().contains("refused until"), lost.out());
    assertTrue(search(run, "--resume").status() != 0);
    assertEquals(0, search(temporary.resolve("another")).status());
    assertArrayEquals(pairs, Files.readAllBytes(temporary.resolve("another").resolve("pairs.jsonl")));
  }

  /** A search that was stopped before its first problem ended, as Ctrl-C leaves it. */
  @Test
  void whatIsNotFinishedIsSaidSo() throws Exception {
    Path run = temporary.resolve("stopped");
    assertEquals(0, search(run).status());
    assertTrue(call("run", "check", run, "--json").json().get("finished").asBoolean());
    for (String file : List.of("pairs.jsonl", "sums.json")) {
      Files.deleteIfExists(run.resolve(file));
    }
    for (String file : List.of("results.jsonl", "stages.jsonl", "tree.jsonl")) {
      Files.writeString(run.resolve(file), "");
    }
    Call stopped = call("run", "check", run);
    assertTrue(stopped.out().contains("not finished: 0 of 3 problems"), stopped.out());
    assertFalse(stopped.out().contains("is whole"), stopped.out());
    assertEquals(0, stopped.status(), "nothing is damaged");
    assertFalse(call("run", "check", run, "--json").json().get("finished").asBoolean());
  }

  @Test
  void trainingAndJournalsAreCheckedAndWhatIsNoRunIsSaidSo() throws Exception {
    Path data = temporary.resolve("rows.jsonl");
    Files.writeString(data, "{\"prompt\":\"1 + 1 =\",\"completion\":\" 2\"}\n".repeat(4));
    Path run = temporary.resolve("train");
    Object[] train = {"train", "sft", "--model", "embedded-small", "--data", data, "--out", run, "--lora-rank", 2,
      "--batch-size", 2, "--save-every", 1, "--max-length", 64};
    Call trained = call(train);
    assertEquals(0, trained.status(), trained.err());
    assertEquals(0, call("run", "check", run).status());
    byte[] adapter = Files.readAllBytes(run.resolve("adapter.gguf"));
    flip(run.resolve("adapter.gguf"));
    flip(run.resolve("checkpoints").resolve("step-00000002.checkpoint"));
    Call damaged = call("run", "check", run, "--json");
    assertEquals(1, damaged.status(), damaged.err());
    assertEquals("training", damaged.json().get("kind").asString());
    assertEquals(2, damaged.json().get("findings").size(), damaged.out());
    Call resumed = call(Stream.concat(Arrays.stream(train), Stream.of("--resume")).toArray());
    assertEquals(0, resumed.status(), resumed.err());
    assertTrue(resumed.err().contains("adapter.gguf: damaged"), resumed.err());
    assertArrayEquals(adapter, Files.readAllBytes(run.resolve("adapter.gguf")));
    assertEquals(0, call("run", "check", run).status());

    Path answers = temporary.resolve("answers.jsonl");
    try (Journal<Answered> journal = AnswerFile.journal(answers, Map.of("model", "m"), 1, false)) {
      journal.add(List.of(new Answered("p1", "4", -1, "2 + 2 = 4", "4", true, "same number", 9, false)));
    }
    Call broken = call("run", "check", answers);
    assertEquals(0, broken.status());
    assertTrue(broken.out().contains("not finished"), broken.out());
    Path part = Journal.part(answers);
    Files.writeString(part, Files.readString(part) + "torn");
    assertEquals(1, call("run", "check", part).status());
    flip(part, 20); // in the line that says what it is
    Call lost = call("run", "check", answers, "--json");
    assertEquals(1, lost.status());
    assertFalse(lost.json().get("mendable").asBoolean());

    Path empty = Files.createDirectory(temporary.resolve("empty"));
    for (Path none : List.of(empty, temporary.resolve("nowhere"), data)) {
      Call refused = call("run", "check", none);
      assertEquals(2, refused.status(), refused.out());
      assertFalse(refused.err().isBlank());
    }
  }
}
