package dev.sphere.cli.command.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.cli.command.Call;
import dev.sphere.bindings.kernel.AttentionKernel;
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
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code sphere model}: what a user types, prints and gets back as exit status. */
class ModelCommandTest {
  @TempDir Path dir;
  private String out;

  private String said; // on both streams

  private int run(String... args) {
    StringWriter text = new StringWriter();
    CommandLine command = new CommandLine(new ModelCommand());
    command.setOut(new PrintWriter(text));
    StringWriter err = new StringWriter();
    command.setErr(new PrintWriter(err));
    int status = command.execute(args);
    out = text.toString();
    said = out + err;
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
    return JsonMapper.shared().readTree(Call.last(out));
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
    assertTrue(said.contains("embedded-tiny: there is no such file"), said);
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
    assertTrue(said.contains("sphere: warning: "), said);
    assertEquals(0, run("info", adapter.toString()));
    assertTrue(out.contains("1 weights"), out);
  }

  /** What merging says, in words and in JSON: the default keeps the update, a type that drowns it is warned of. */
  @Test
  void mergeSaysWhatRoundingDid() throws IOException {
    Path model = random("--type", "bf16");
    Path adapter = smallAdapter();
    Path merged = dir.resolve("merged.gguf");
    String[] plain = {"merge", "--model", model.toString(), "--adapter", adapter.toString(), "--out", merged.toString(), "--json"};
    assertEquals(0, run(plain), out);
    JsonNode kept = lastLine();
    assertTrue(out.contains("Rounding to 4 f16 is off by") && out.contains("(in the base's types, 4 bf16, by ")
        && out.contains("Log-probabilities of ") && !out.contains("sphere: warning"), out);
    assertTrue(kept.get("type").isNull());
    assertEquals("f16", kept.get("rounding").get("type").asString());
    assertEquals(4, kept.get("weights").size());
    assertEquals("blk.0.attn_q.weight", kept.get("weights").get(0).get("name").asString());
    double error = kept.get("rounding").get("error").asDouble();
    assertTrue(error > 0 && error < 0.1 && kept.get("base_types").get("error").asDouble() > 0.2, out);
    JsonNode shift = kept.get("log_probs");
    assertTrue(shift.get("tokens").asInt() > 500, "a byte is a token here: " + shift);

    assertEquals(0, run(with(plain, "--type", "base")), out);
    JsonNode lost = lastLine();
    assertEquals(1, lost.get("warnings").size(), out);
    assertTrue(said.contains("sphere: warning: rounding loses the update of 4 of 4 weights"), out);
    assertEquals(kept.get("base_types"), lost.get("rounding"));
    if (AttentionKernel.oneRow()) { // else activations are rounded too
      assertTrue(10 * shift.get("rounding_mean").asDouble() < shift.get("adapter_mean").asDouble(), shift.toString());
      assertTrue(2 * shift.get("rounding_mean").asDouble() < lost.get("log_probs").get("rounding_mean").asDouble(), out);
    }

    Path text = Files.writeString(dir.resolve("text.txt"), "twelve bytes");
    assertEquals(0, run(with(plain, "--check-text", text.toString())), out);
    int tokens = lastLine().get("log_probs").get("tokens").asInt();
    assertTrue(tokens == 11 || tokens == 12, "all but the first: " + tokens);
    assertEquals(0, run(with(plain, "--no-check")), out);
    assertFalse(lastLine().has("log_probs"));
    assertEquals(2, run(with(plain, "--no-check", "--check-text", text.toString())), out);
  }

  /** Of 4 matrices; its update is drowned by rounding to 8 bits of mantissa. */
  private Path smallAdapter() {
    Path adapter = dir.resolve("a.gguf");
    float[] a = new float[128];
    float[] b = new float[128];
    for (int i = 0; i < 128; i++) {
      a[i] = (i * 37 % 101 - 50) / 1000f;
      b[i] = (i * 53 % 89 - 44) / 24000f;
    }
    GgufWriter writer = new GgufWriter().put("general.architecture", GgufValue.string("qwen2"))
        .put("general.type", GgufValue.string("adapter")).put("adapter.type", GgufValue.string("lora"))
        .put("adapter.lora.alpha", GgufValue.f32(2));
    for (String name : List.of("blk.0.attn_q.weight", "blk.0.attn_output.weight", "blk.1.attn_q.weight", "blk.1.attn_output.weight")) {
      writer.tensor(name + ".lora_a", GgmlType.F32, List.of(64L, 2L), a)
          .tensor(name + ".lora_b", GgmlType.F32, List.of(2L, 64L), b);
    }
    writer.write(adapter);
    return adapter;
  }

  /** An update that 4 bits cannot hold is kept in 16: the file is larger than the base, and that is said with what else there is. */
  @Test
  void mergeSaysThatTheFileGrew() throws IOException {
    Path model = random("--type", "q4_0");
    Path merged = dir.resolve("merged.gguf");
    String[] plain = {"merge", "--model", model.toString(), "--adapter", smallAdapter().toString(), "--out", merged.toString(),
        "--no-check", "--json"};
    assertEquals(0, run(plain), out);
    assertTrue(out.contains("times as large as its base") && out.contains("--type base"), out);
    assertEquals(Files.size(merged), lastLine().get("bytes").asLong());
    assertEquals(Files.size(model), lastLine().get("base_bytes").asLong());
    assertEquals(0, run(with(plain, "--type", "base")), out);
    assertFalse(out.contains("times as large"), out);
  }

  private static String[] with(String[] args, String... more) {
    return Stream.concat(Arrays.stream(args), Arrays.stream(more)).toArray(String[]::new);
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
