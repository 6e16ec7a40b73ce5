package dev.sphere.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.sphere.cli.Main;
import dev.sphere.engine.embedded.ModelSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A command opens each GGUF that it is given once and checks it once, whoever of its parts asks for it. */
class OpenedOnceTest {
  @TempDir static Path dir;
  private static Path model;
  private static Path adapter;
  private static Path pairs;

  @BeforeAll
  static void files() throws Exception {
    model = Files.copy(ModelSource.resolve("embedded-small"), dir.resolve("model.gguf"));
    adapter = dir.resolve("adapter.gguf");
    pairs = Files.writeString(dir.resolve("pairs.jsonl"), """
        {"prompt": "Tom has 3 pens.", "chosen": " 3*4=12", "rejected": " 3+4=7"}
        """);
    assertEquals(0, Main.run("train", "dpo", "--model", model.toString(), "--pairs", pairs.toString(), "--adapter-out",
        adapter.toString(), "--steps", "1"));
  }

  /** How often each file of the test's folder was opened and checked; what the command itself wrote is left out. */
  private static Map<String, Long> during(String... command) throws IOException {
    Path file = dir.resolve("recording.jfr");
    try (Recording recording = new Recording()) {
      recording.enable("dev.sphere.Open").withoutThreshold();
      recording.enable("dev.sphere.Check").withoutThreshold();
      recording.start();
      assertEquals(0, Main.run(command));
      recording.stop();
      recording.dump(file);
    }
    List<RecordedEvent> events = RecordingFile.readAllEvents(file);
    return events.stream()
        .filter(e -> List.of("dev.sphere.Open", "dev.sphere.Check").contains(e.getEventType().getName()))
        .filter(e -> List.of(model, adapter).contains(Path.of(e.getString("path"))))
        .map(e -> e.getEventType().getName().substring("dev.sphere.".length()) + " "
            + Path.of(e.getString("path")).getFileName())
        .collect(Collectors.groupingBy(Function.identity(), TreeMap::new, Collectors.counting()));
  }

  private static final Map<String, Long> MODEL = Map.of("Open model.gguf", 1L, "Check model.gguf", 1L);
  private static final Map<String, Long> BOTH = Map.of("Open model.gguf", 1L, "Check model.gguf", 1L,
      "Open adapter.gguf", 1L, "Check adapter.gguf", 1L);

  private static String out(String name) {
    return dir.resolve(name).toString();
  }

  @Test
  void training() throws IOException {
    String m = model.toString();
    assertEquals(MODEL, during("train", "dpo", "--model", m, "--pairs", pairs.toString(), "--out", out("dpo"), "--steps", "1"));
    assertEquals(MODEL, during("train", "dpo", "--model", m, "--pairs", pairs.toString(), "--out", out("plan"), "--dry-run"));
  }

  @Test
  void searching() throws IOException {
    assertEquals(BOTH, during("search", "--model", model.toString(), "--adapter", adapter.toString(), "--problems",
        "embedded:train", "--limit", "1", "--rollouts", "1", "--candidates", "2", "--run", out("run")));
    assertEquals(MODEL, during("search", "--model", model.toString(), "--prm", "implicit:" + model, "--problems",
        "embedded:train", "--limit", "1", "--candidates", "2", "--run", out("implicit")));
  }

  @Test
  void evaluating() throws IOException {
    assertEquals(BOTH, during("eval", "--model", model.toString(), "--adapter", adapter.toString(), "--problems",
        "embedded:test", "--limit", "2"));
  }

  @Test
  void generatingAndScoring() throws IOException {
    assertEquals(BOTH, during("generate", "--model", model.toString(), "--adapter", adapter.toString(), "--prompt", "Tom"));
    Path rows = Files.writeString(dir.resolve("rows.jsonl"), "{\"prompt\": \"Tom\", \"completion\": \" has\"}\n");
    assertEquals(BOTH, during("score", "--model", model.toString(), "--adapter", adapter.toString(), "--in",
        rows.toString(), "--out", out("scores.jsonl")));
  }
}
