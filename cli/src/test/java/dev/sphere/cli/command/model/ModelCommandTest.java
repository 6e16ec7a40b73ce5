package dev.sphere.cli.command.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.cli.Main;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.GgufValue;
import dev.sphere.gguf.GgufWriter;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code sphere model}: what a user types, prints and gets back as exit status. */
class ModelCommandTest {
  @TempDir Path dir;
  private String out;

  private int run(String... args) {
    StringWriter text = new StringWriter();
    CommandLine command = new CommandLine(new ModelCommand());
    command.setOut(new PrintWriter(text));
    command.setErr(new PrintWriter(text));
    int status = command.execute(args);
    out = text.toString();
    return status;
  }

  private Path random(String... more) {
    Path path = dir.resolve("m.gguf");
    String[] all = Arrays.copyOf(new String[] {"random", "--like", "tiny-qwen2", "--out", path.toString()}, 5 + more.length);
    System.arraycopy(more, 0, all, 5, more.length);
    assertEquals(0, run(all), out);
    return path;
  }

  private JsonNode lastLine() {
    String[] lines = out.strip().split("\n");
    return JsonMapper.shared().readTree(lines[lines.length - 1]);
  }

  @Test
  void randomWritesAndInfoReads() {
    Path path = random("--type", "q8_0", "--seed", "3", "--json");
    JsonNode written = lastLine();
    assertEquals(0, run("info", path.toString(), "--json", "--context", "512"));
    assertEquals(1, out.strip().lines().count());
    JsonNode read = lastLine();
    assertEquals(written.get("sha256"), read.get("sha256"));
    assertEquals("qwen2", read.get("architecture").asString());
    assertEquals(259, read.get("tokens").asInt());
    assertEquals(512, read.get("memory").get("context").asInt());
    assertEquals(0, run("info", path.toString()));
    assertTrue(out.contains("2 layers, width 64"), out);
  }

  @Test
  void embeddedModelsHaveNamesHereToo() {
    assertEquals(0, run("info", "embedded-small", "--json"), out);
    assertEquals("embedded-small.gguf", Path.of(lastLine().get("file").asString()).getFileName().toString());
    assertEquals(2, run("info", "embedded-tiny"), out);
    assertTrue(out.contains("embedded-tiny: there is no such file"), out);
  }

  @Test
  void mergeSaysWhatItChanged() {
    Path model = random("--type", "f32");
    Path adapter = dir.resolve("a.gguf");
    new GgufWriter().put("general.architecture", GgufValue.string("qwen2"))
        .put("general.type", GgufValue.string("adapter"))
        .put("adapter.type", GgufValue.string("lora"))
        .put("adapter.lora.alpha", GgufValue.f32(2))
        .put("sphere.base_sha256", GgufValue.string("0".repeat(64)))
        .tensor("blk.0.attn_q.weight.lora_a", GgmlType.F32, List.of(64L, 1L), new float[64])
        .tensor("blk.0.attn_q.weight.lora_b", GgmlType.F32, List.of(1L, 64L), new float[64]).write(adapter);
    Path merged = dir.resolve("merged.gguf");
    assertEquals(0, run("merge", "--model", model.toString(), "--adapter", adapter.toString(), "--type", "bf16", "--out",
        merged.toString(), "--json"), out);
    JsonNode result = lastLine();
    assertEquals("blk.0.attn_q.weight", result.get("changed").get(0).asString());
    assertEquals(1, result.get("warnings").size());
    assertEquals("bf16", result.get("type").asString());
    assertTrue(out.contains("sphere: warning: "), out);
    assertEquals(0, run("info", adapter.toString()));
    assertTrue(out.contains("1 weights"), out);
  }

  @Test
  void exitStatusTellsDamageFromMistakes() throws IOException {
    Path model = random();
    Path cut = dir.resolve("cut.gguf");
    Files.write(cut, Arrays.copyOf(Files.readAllBytes(model), 5000));
    assertEquals(1, Main.run("model", "info", cut.toString()));
    assertEquals(2, Main.run("model", "info", dir.resolve("none.gguf").toString()));
    assertEquals(2, Main.run("model", "random", "--like", "no-such", "--out", cut.toString()));
    assertEquals(2, Main.run("model", "random", "--like", "tiny-qwen2", "--type", "iq2_xs", "--out", cut.toString()));
    assertEquals(2, Main.run("model", "random", "--like", "tiny-qwen2", "--out", cut + "/m.gguf"));
    assertEquals(2, Main.run("model", "info", model.toString(), "--context", "0"));
    Path out = dir.resolve("out.gguf");
    assertEquals(1, Main.run("model", "merge", "--model", model.toString(), "--adapter", model.toString(), "--out",
        out.toString()));
    assertFalse(Files.exists(out));
  }
}
