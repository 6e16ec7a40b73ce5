package dev.sphere.spark;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.cli.Main;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Searches on two executors, each a process of its own, beside the search of one process. */
class SparkSearchTest {
  private static final String CLUSTER = "local-cluster[2,1,1024]";
  private static final int PROBLEMS = 10;

  @TempDir private static Path dir;
  private static Path alone;

  @BeforeAll
  static void one() throws IOException {
    System.setProperty("spark.executor.extraClassPath", System.getProperty("java.class.path"));
    System.setProperty("spark.ui.enabled", "false");
    System.setProperty("spark.driver.host", "127.0.0.1");
    System.setProperty("spark.driver.bindAddress", "127.0.0.1");
    alone = dir.resolve("alone");
    assertEquals(0, Main.run(search(alone).toArray(String[]::new)));
    assertTrue(Files.size(alone.resolve("pairs.jsonl")) > 0, "there are pairs to compare");
  }

  @AfterAll
  static void forget() {
    for (String name : List.of("spark.executor.extraClassPath", "spark.ui.enabled", "spark.driver.host", "spark.driver.bindAddress")) {
      System.clearProperty(name);
    }
  }

  private static List<String> search(Path run, String... more) {
    List<String> command = new ArrayList<>(List.of("search", "--model", "embedded", "--small-model", "embedded-small", "--problems",
        "embedded:train", "--limit", "" + PROBLEMS, "--rollouts", "2", "--run", run.toString()));
    command.addAll(List.of(more));
    return command;
  }

  private static int onSpark(Path run, String... more) {
    List<String> command = search(run, more);
    command.addAll(List.of("--spark", CLUSTER));
    return Main.run(command.toArray(String[]::new));
  }

  private static void assertSamePairs(Path run) throws IOException {
    assertArrayEquals(Files.readAllBytes(alone.resolve("pairs.jsonl")), Files.readAllBytes(run.resolve("pairs.jsonl")));
    assertEquals(0, Main.run("run", "check", run.toString()));
  }

  @Test
  void thePairsAreThoseOfOneProcess() throws IOException {
    Path run = dir.resolve("spark");
    assertEquals(0, onSpark(run));
    assertSamePairs(run);
    assertTrue(Files.exists(run.resolve(Machines.FILE)));
  }

  @Test
  void anExecutorThatIsKilledCostsNothing() throws Exception {
    Path run = dir.resolve("killed");
    Thread killer = Thread.ofVirtual().start(() -> {
      try {
        while (!Files.exists(run.resolve("results.jsonl")) || Files.size(run.resolve("results.jsonl")) == 0) {
          Thread.sleep(20);
        }
        executors().findFirst().ifPresent(ProcessHandle::destroyForcibly);
      } catch (IOException | InterruptedException e) {
        throw new IllegalStateException(e);
      }
    });
    assertEquals(0, onSpark(run));
    killer.join();
    assertSamePairs(run);
  }

  private static Stream<ProcessHandle> executors() {
    return ProcessHandle.current().descendants()
        .filter(p -> p.info().commandLine().orElse("").contains("CoarseGrainedExecutorBackend"));
  }

  /** A run that one process began is taken on by a cluster. */
  @Test
  void aRunGoesOnWhereItStopped() throws Exception {
    Path run = dir.resolve("resumed");
    List<String> command = search(run);
    Process driver = new ProcessBuilder(Stream.concat(Stream.of(ProcessHandle.current().info().command().orElseThrow(),
        "--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path"), "dev.sphere.cli.Main"),
        command.stream()).toList()).redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
    while (driver.isAlive() && (!Files.exists(run.resolve("results.jsonl")) || Files.size(run.resolve("results.jsonl")) == 0)) {
      Thread.sleep(5);
    }
    driver.destroyForcibly().waitFor();
    assertEquals(0, onSpark(run, "--resume"));
    assertSamePairs(run);
  }

  @Test
  void aProbeIsDrawnThereToo() throws IOException {
    Path here = dir.resolve("probe-here");
    Path there = dir.resolve("probe-there");
    String[] probe = {"--probe", "4", "--pass-rate", "0.2..0.9"};
    assertEquals(0, Main.run(search(here, probe).toArray(String[]::new)));
    assertEquals(0, onSpark(there, probe));
    assertArrayEquals(Files.readAllBytes(here.resolve("pairs.jsonl")), Files.readAllBytes(there.resolve("pairs.jsonl")));
  }

  @Test
  void aMasterThatDoesNotAnswerIsAMistakeOfTheCall() {
    Path run = dir.resolve("unreachable");
    List<String> command = search(run);
    command.addAll(List.of("--spark", "spark://127.0.0.1:1"));
    assertEquals(2, Main.run(command.toArray(String[]::new)));
    assertTrue(Files.notExists(run), "nothing is left of it");
  }
}
