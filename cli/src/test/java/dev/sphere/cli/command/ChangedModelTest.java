package dev.sphere.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.cli.Main;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.store.RunReader;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A model's file that changes while a process of its own computes with it: an error that names it, and no record. */
@Timeout(value = 300, unit = TimeUnit.SECONDS)
class ChangedModelTest {
  @TempDir Path dir;
  private Path model;

  @BeforeEach
  void copy() throws IOException {
    model = Files.copy(ModelSource.resolve("embedded"), dir.resolve("model.gguf"));
  }

  /** What happens to the file. */
  private interface Change {
    void happen() throws IOException;
  }

  private void truncate() throws IOException {
    try (FileChannel channel = FileChannel.open(model, StandardOpenOption.WRITE)) {
      channel.truncate(4096);
    }
  }

  private void replace() throws IOException {
    Files.move(Files.copy(ModelSource.resolve("embedded-small"), dir.resolve("other.gguf")), model,
        java.nio.file.StandardCopyOption.ATOMIC_MOVE);
  }

  private void overwrite() throws IOException {
    try (FileChannel channel = FileChannel.open(model, StandardOpenOption.WRITE)) {
      channel.write(java.nio.ByteBuffer.wrap(new byte[4096]), channel.size() - 4096);
    }
  }

  /** Starts a command in a JVM of its own, lets the change happen once {@code begun} holds two lines, and waits. */
  private String run(String mmap, Path begun, Change change, String... command) throws Exception {
    List<String> line = new ArrayList<>(List.of(
        ProcessHandle.current().info().command().orElseThrow(), "--enable-native-access=ALL-UNNAMED", "-Xmx1g",
        "-XX:-CreateCoredumpOnCrash", "-XX:ErrorFile=" + dir.resolve("hs_err.log"),
        "-cp", System.getProperty("java.class.path"), Main.class.getName()));
    line.addAll(List.of(command));
    ProcessBuilder builder = new ProcessBuilder(line).redirectErrorStream(true);
    builder.redirectOutput(dir.resolve("out.txt").toFile());
    builder.environment().put("SPHERE_MMAP", mmap);
    Process process = builder.start();
    try {
      while (process.isAlive() && !(Files.exists(begun) && Files.readAllLines(begun).size() > 1)) {
        Thread.sleep(5);
      }
      assertTrue(process.isAlive(), () -> "it ended before anything could happen: " + out());
      change.happen();
      int status = process.waitFor();
      assertEquals(1, status, () -> "no signal, no success: " + out());
      return out();
    } finally {
      process.destroyForcibly();
    }
  }

  private String out() {
    try {
      return Files.readString(dir.resolve("out.txt"), StandardCharsets.UTF_8);
    } catch (IOException e) {
      return e.toString();
    }
  }

  private void noticed(String out) {
    assertTrue(out.contains("sphere: " + model + " changed while it was in use"), out);
    assertFalse(Files.exists(dir.resolve("hs_err.log")), "the JVM died");
  }

  private String search(String mmap, Change change) throws Exception {
    Path run = dir.resolve("run");
    String out = run(mmap, run.resolve("tree.jsonl"), change, "search", "--model", model.toString(), "--problems",
        "embedded:train", "--limit", "400", "--run", run.toString());
    RunReader data = RunReader.read(run);
    assertFalse(data.complete());
    assertFalse(Files.exists(run.resolve("pairs.jsonl")), "the run has not ended");
    return out;
  }

  @Test
  void aSearchWhoseModelIsTruncated() throws Exception {
    noticed(search("auto", this::truncate));
  }

  @Test
  void aSearchWhoseMappedModelIsOverwritten() throws Exception {
    noticed(search("on", this::overwrite));
  }

  @Test
  void anEvaluationWhoseModelIsReplaced() throws Exception {
    Path out = dir.resolve("answers.jsonl");
    noticed(run("off", dir.resolve("answers.jsonl.part"), this::replace, "eval", "--model", model.toString(),
        "--problems", "embedded:test", "--limit", "1000", "--out", out.toString()));
    assertFalse(Files.exists(out));
  }
}
