package dev.sphere.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.cli.Main;
import dev.sphere.trainer.checkpoint.Checkpoints;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Commands in processes of their own that get real signals: what was done is there, and what goes on ends as undisturbed. */
class KilledCommandsTest {
  @TempDir private Path temporary;

  private Process start(List<String> words) throws IOException {
    List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "--enable-native-access=ALL-UNNAMED", "-XX:TieredStopAtLevel=1", "-Xmx512m", "-cp",
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")), Main.class.getName()));
    command.addAll(words);
    return new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(temporary.resolve("said").toFile()).start();
  }

  private static long lines(Path file) throws IOException {
    if (!Files.exists(file)) {
      return 0;
    }
    try (Stream<String> lines = Files.lines(file, java.nio.charset.StandardCharsets.ISO_8859_1)) {
      return lines.count();
    }
  }

  /** Waits until a file has so many lines; the process must be at work then. */
  private void await(Process process, Path file, int lines) throws Exception {
    while (process.isAlive() && lines(file) < lines) {
      Thread.sleep(2);
    }
    assertTrue(process.isAlive(), "ended before: " + Files.readString(temporary.resolve("said")));
  }

  private static void call(List<String> words) {
    assertEquals(0, Main.run(words.toArray(String[]::new)), words.toString());
  }

  private void killAndGoOn(List<String> words) throws Exception {
    Path whole = temporary.resolve("whole");
    Path out = temporary.resolve("out");
    killAndGoOn(words, whole, out, out);
    assertEquals(-1, Files.mismatch(whole, out));
  }

  /** Kills the command that writes to {@code out}, and goes on with it; {@code file} is what it makes there. */
  private void killAndGoOn(List<String> words, Path whole, Path out, Path file) throws Exception {
    List<String> undisturbed = new ArrayList<>(words);
    undisturbed.addAll(List.of("--out", whole.toString()));
    call(undisturbed);
    Path part = file.resolveSibling(file.getFileName() + ".part");
    List<String> resumed = new ArrayList<>(words);
    resumed.addAll(List.of("--out", out.toString(), "--resume"));
    Process process = start(resumed);
    await(process, part, 4); // what it is made from, and three rows
    process.destroyForcibly().waitFor();
    assertTrue(lines(part) >= 4 && !Files.exists(file));
    call(resumed);
    assertFalse(Files.exists(part));
  }

  @Test
  void generateIsKilledAndGoesOn() throws Exception {
    StringBuilder rows = new StringBuilder("{\"prompt\":\"half a character \\ud83d\"}\n");
    for (int i = 0; i < 1000; i++) {
      rows.append("{\"id\":\"r").append(i).append("\",\"prompt\":\"Tom has ").append(i).append(" pens. Ann has 3. \"}\n");
    }
    Path in = Files.writeString(temporary.resolve("in.jsonl"), rows);
    killAndGoOn(List.of("generate", "--model", "embedded", "--in", in.toString(), "--max-tokens", "40", "--temperature", "1"));
    assertTrue(Files.readString(temporary.resolve("out")).startsWith("{\"id\":\"1\",\"sample\":0,\"prompt\":\"half a character \ufffd\""));
  }

  @Test
  void evalIsKilledAndGoesOn() throws Exception {
    killAndGoOn(List.of("eval", "--model", "embedded", "--problems", "embedded:train", "--limit", "600", "--max-tokens", "60"));
  }

  @Test
  void scoreIsKilledAndGoesOn() throws Exception {
    StringBuilder rows = new StringBuilder("{\"prompt\":\"half a character \\ud83d\",\"completion\":\"\\ude00 and its other\"}\n");
    for (int i = 0; i < 8000; i++) {
      rows.append("{\"id\":").append(i).append(",\"prompt\":\"Tom has ").append(i).append(" pens. \",\"completion\":\"Ann has ")
          .append(7 * i).append(" and gives him 3 of them.\"}\n");
    }
    Path in = Files.writeString(temporary.resolve("in.jsonl"), rows);
    killAndGoOn(List.of("score", "--model", "embedded", "--in", in.toString()));
    assertEquals(8001, lines(temporary.resolve("out")));
  }

  @Test
  void evalPrmIsKilledAndGoesOn() throws Exception {
    killAndGoOn(List.of("eval", "prm", "--model", "embedded", "--prm", "mc", "--rollouts", "8", "--steps", "embedded:steps",
        "--steps-limit", "100", "--parallel", "4"));
  }

  @Test
  void evolveSavesItsTrainingWhenItIsTerminated() throws Exception {
    Path recipe = Files.writeString(temporary.resolve("recipe.yaml"), """
        model: embedded
        problems: embedded:train
        limit: 4
        search: {prm: outcome, candidates: 4, simulations: 3, pairing: any}
        train: {method: lora, lora_rank: 4, epochs: 3000, batch_pairs: 2, save_every: 0}
        evaluate: {problems: "embedded:validation", limit: 2, max_tokens: 5}
        """);
    Path run = temporary.resolve("run");
    Process process = start(List.of("evolve", "--recipe", recipe.toString(), "--run", run.toString()));
    Path training = run.resolve("round-1/train");
    await(process, training.resolve("metrics.jsonl"), 3);
    process.destroy(); // SIGTERM
    process.waitFor();
    String said = Files.readString(temporary.resolve("said"));
    assertTrue(said.contains("Stopped in the middle of a training, which is saved"), said);
    List<Path> saved = Checkpoints.files(training.resolve("checkpoints"));
    assertEquals(1, saved.size(), saved.toString());
    assertTrue(saved.getFirst().getFileName().toString().compareTo("step-00000003.checkpoint") >= 0, saved.toString());
  }
}
