package dev.sphere.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.store.StoreException;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.RandomModel;
import dev.sphere.gguf.model.GgufFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code sphere train}: flags in, files, last line and exit status out. */
class TrainCommandTest {
  @TempDir Path dir;
  private Path model;
  private Path pairs;
  private String out;

  @BeforeEach
  void files() throws IOException {
    model = dir.resolve("m.gguf");
    RandomModel.write(RandomModel.like("tiny-qwen2"), ByteVocabulary.metadata(), GgmlType.F32, 1, model);
    pairs = Files.writeString(
        dir.resolve("pairs.jsonl"),
        "{\"prompt\":\"1+1=\",\"chosen\":\"2\",\"rejected\":\"3\"}\n{\"prompt\":\"2+2=\",\"chosen\":\"4\"}\n");
  }

  private int run(String... args) {
    StringWriter text = new StringWriter();
    CommandLine command = new CommandLine(new TrainCommand());
    command.setCaseInsensitiveEnumValuesAllowed(true);
    command.setOut(new PrintWriter(text));
    command.setErr(new PrintWriter(text));
    command.setExecutionExceptionHandler((e, c, parsed) -> {
      c.getErr().println(e.getMessage());
      return e instanceof IllegalArgumentException || e instanceof StoreException.Refused ? 2 : 1;
    });
    int status = command.execute(args);
    out = text.toString();
    return status;
  }

  private int dpo(String... more) {
    List<String> args = new ArrayList<>(List.of(
        "dpo", "--model", model.toString(), "--data", pairs.toString(), "--threads", "1", "--steps", "2"));
    args.addAll(List.of(more));
    return run(args.toArray(String[]::new));
  }

  @Test
  void dpoWritesAnAdapterAndSaysSo() {
    Path folder = dir.resolve("run");
    assertEquals(0, dpo("--out", folder.toString(), "--lora-rank", "2", "--loss", "sigmoid,sft", "--json"), out);
    JsonNode json = JsonMapper.shared().readTree(Call.last(out));
    assertEquals(2, json.path("steps").asInt());
    assertEquals(1, json.path("rows").asInt());
    assertEquals(1, json.path("bad_rows").asInt());
    assertTrue(json.path("complete").asBoolean());
    assertTrue(out.contains("line 2 (no \"rejected\""), out);
    try (GgufFile adapter = GgufFile.open(Path.of(json.path("artefact").asString()))) {
      assertEquals(GgufFile.Kind.ADAPTER, adapter.kind());
      assertTrue(adapter.metadata().requireString("sphere.settings").contains("\"loss\":\"[sigmoid, sft]\""));
    }
    assertEquals(2, dpo("--out", folder.toString(), "--lora-rank", "2"), "a folder with checkpoints");
    assertTrue(out.contains("another output folder"), out);
    assertEquals(2, dpo("--out", folder.toString(), "--lora-rank", "3", "--resume"));
    assertTrue(out.contains("lora_rank is \"2\", not \"3\""), out);
  }

  @Test
  void aDryRunSaysWhatItWouldTakeAndWritesNothing() throws IOException {
    assertEquals(0, dpo("--dry-run", "--lora-rank", "2", "--json"), out);
    JsonNode json = JsonMapper.shared().readTree(Call.last(out));
    assertEquals(2, json.path("steps").asInt(), out);
    assertTrue(json.path("peak_bytes").asLong() > 0 && json.path("trainable_parameters").asLong() > 0, out);
    try (var files = Files.list(dir)) {
      assertEquals(2, files.count(), "the model and the pairs");
    }
  }

  @Test
  void aProcessRewardModelIsTrainedAndDeclared() throws IOException {
    Path steps = Files.writeString(
        dir.resolve("steps.jsonl"), "{\"prompt\":\"1+1=\",\"completions\":[\"2\",\"3\"],\"labels\":[true,false]}\n");
    Path prm = dir.resolve("prm.gguf");
    String[] args = {"prm", "--model", model.toString(), "--data", steps.toString(), "--model-out", prm.toString(),
        "--method", "full", "--steps", "2", "--threads", "1", "--eval-data", steps.toString(), "--step-end", "\\n"};
    assertEquals(0, run(args), out);
    assertTrue(out.contains("made: " + prm) && out.contains("report.html"), out);
    assertTrue(Files.exists(dir.resolve("prm.gguf.run/report.html")), "the report");
    assertTrue(Files.exists(dir.resolve("prm.gguf.run/tensorboard/events.out.tfevents.0.sphere")), "the event file");
    try (GgufFile file = GgufFile.openModel(prm)) {
      assertEquals("token", file.metadata().requireString("sphere.prm.form"));
    }
  }

  @Test
  void mistakesHaveStatusTwoAndSayWhat() {
    String folder = dir.resolve("run").toString();
    assertEquals(2, dpo("--out", folder, "--loss", "sigmoid,dpo"));
    assertTrue(out.contains("--loss must be sigmoid, hinge,") && out.contains("not 'dpo'"), out);
    assertEquals(2, dpo("--out", folder, "--loss-weights", "1,2"));
    assertTrue(out.contains("one weight for each loss"), out);
    assertEquals(2, dpo("--out", folder, "--method", "qlora"));
    assertEquals(2, dpo("--out", folder, "--siblings"));
    assertTrue(out.contains("the folder of a search run"), out);
    assertEquals(2, dpo("--out", folder, "--drop-flagged"));
    assertTrue(out.contains("--drop-flagged needs the folder of a search run"), out);
    assertEquals(2, dpo("--out", folder, "--drop-flagged", "--siblings"));
    assertTrue(out.contains("--drop-flagged has no effect with --siblings"), out);
    assertEquals(2, dpo("--out", folder, "--step-pairs", "x", "--reject-first-step", "x"));
    assertTrue(out.contains("--step-pairs has no effect with --reject-first-step"), out);
    assertEquals(2, dpo("--out", folder, "--wpo", "--loss", "aot"));
    assertEquals(2, dpo("--out", folder, "--sibling-margin", "1"));
    assertTrue(out.contains("--sibling-margin has no effect without --siblings"), out);
    assertEquals(2, dpo("--out", folder, "--batch-size", "0"));
    assertTrue(out.contains("--batch-size must be at least 1, not 0"), out);
    assertEquals(2, dpo("--out", folder, "--momentum", "0.5"));
    assertTrue(out.contains("--momentum has no effect without --optimizer sgd"), out);
    assertEquals(2, dpo("--out", folder, "--beta1", "0.5", "--optimizer", "sgd"));
    assertTrue(out.contains("--beta1 has no effect without --optimizer adamw"), out);
    assertEquals(2, run("sft", "--model", model.toString(), "--data", pairs.toString(), "--out", folder, "--per-problem", "2"));
    assertTrue(out.contains("--per-problem has no effect without --run"), out);
    assertEquals(2, dpo("--out", folder, "--eval-share", "1"));
    assertEquals(2, dpo("--out", folder, "--bad-rows", "refuse"));
    assertTrue(out.contains("line 2"), out);
    assertEquals(2, dpo("--out", folder, "--learnig-rate", "1"));
    assertTrue(out.contains("--learning-rate"), "a suggestion: " + out);
    assertEquals(2, run("sft", "--model", model.toString(), "--data", dir.resolve("none").toString(), "--out", folder));
    assertTrue(out.contains("none: no such file"), out);
  }
}
