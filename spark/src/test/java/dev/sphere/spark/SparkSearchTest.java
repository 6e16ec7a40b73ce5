package dev.sphere.spark;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.cli.Main;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.run.Cluster;
import dev.sphere.engine.store.Journal;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.spark.api.java.JavaSparkContext;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Commands on two executors, each a process of its own, beside those of one process. The executors are started once: a
 * command takes the Spark that its process has.
 */
class SparkSearchTest {
  private static final String CLUSTER = "local-cluster[2,1,1024]";
  private static final int PROBLEMS = 10;

  @TempDir private static Path dir;
  private static final Map<String, String> CONF = new LinkedHashMap<>(Map.of(
      "spark.executor.extraClassPath", System.getProperty("java.class.path"),
      "spark.ui.enabled", "false",
      "spark.driver.host", "127.0.0.1",
      "spark.driver.bindAddress", "127.0.0.1"));
  private static Path alone;
  private static JavaSparkContext spark;

  @BeforeAll
  static void one() throws IOException {
    CONF.forEach(System::setProperty);
    alone = dir.resolve("alone");
    assertEquals(0, Main.run(search(alone).toArray(String[]::new)));
    assertTrue(Files.size(alone.resolve("pairs.jsonl")) > 0, "there are pairs to compare");
    spark = SparkCluster.start(CLUSTER, "tests");
  }

  @AfterAll
  static void forget() {
    spark.stop();
    CONF.keySet().forEach(System::clearProperty);
  }

  private static List<String> search(Path run, String... more) {
    List<String> command = new ArrayList<>(List.of("search", "--model", "embedded", "--small-model", "embedded-small", "--problems",
        "embedded:train", "--limit", "" + PROBLEMS, "--rollouts", "2", "--run", run.toString()));
    command.addAll(List.of(more));
    return command;
  }

  private static List<String> onSpark(List<String> command) {
    List<String> all = new ArrayList<>(command);
    all.addAll(List.of("--spark", CLUSTER));
    return all;
  }

  private static int run(List<String> command) {
    return Main.run(command.toArray(String[]::new));
  }

  /** What a command says that fails: its exit status must be 2, and the last line is the whole message. */
  private static String refusal(List<String> command) {
    PrintStream err = System.err;
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    System.setErr(new PrintStream(said, true, StandardCharsets.UTF_8));
    try {
      assertEquals(2, run(command), () -> said.toString(StandardCharsets.UTF_8));
    } finally {
      System.setErr(err);
    }
    List<String> lines = said.toString(StandardCharsets.UTF_8).lines().filter(l -> l.startsWith("sphere: ")).toList();
    assertEquals(1, lines.size(), () -> said.toString(StandardCharsets.UTF_8));
    return lines.getFirst();
  }

  private static void assertSamePairs(Path run) throws IOException {
    assertArrayEquals(Files.readAllBytes(alone.resolve("pairs.jsonl")), Files.readAllBytes(run.resolve("pairs.jsonl")));
    assertEquals(0, Main.run("run", "check", run.toString()));
    assertEquals(PROBLEMS, Files.readAllLines(run.resolve("results.jsonl")).size(), "each problem is recorded once");
  }

  private static void awaitResult(Path run) throws IOException, InterruptedException {
    while (!Files.exists(run.resolve("results.jsonl")) || Files.size(run.resolve("results.jsonl")) == 0) {
      Thread.sleep(5);
    }
  }

  private interface Harm {
    void does() throws IOException;
  }

  /** Does harm as soon as a run has its first result. */
  private static Thread afterFirstResult(Path run, Harm harm) {
    return Thread.ofVirtual().start(() -> {
      try {
        awaitResult(run);
        harm.does();
      } catch (IOException | InterruptedException e) {
        throw new IllegalStateException(e);
      }
    });
  }

  private static Stream<ProcessHandle> executors() {
    return ProcessHandle.current().descendants()
        .filter(p -> p.info().commandLine().orElse("").contains("CoarseGrainedExecutorBackend"));
  }

  @Test
  void thePairsAreThoseOfOneProcess() throws IOException {
    Path run = dir.resolve("spark");
    assertEquals(0, run(onSpark(search(run))));
    assertSamePairs(run);
    assertTrue(Files.exists(run.resolve(Cluster.KIND)));
  }

  @Test
  void anExecutorThatIsKilledCostsNothing() throws Exception {
    Path run = dir.resolve("killed");
    Thread killer = afterFirstResult(run, () -> executors().findFirst().ifPresent(ProcessHandle::destroyForcibly));
    assertEquals(0, run(onSpark(search(run))));
    killer.join();
    assertSamePairs(run);
  }

  /** Starts a search in a process of its own, and kills that when it has a result. */
  private static void killed(Path run, List<String> command) throws IOException, InterruptedException {
    Path results = run.resolve("results.jsonl");
    killed(command, results, 1);
    int done = Files.readAllLines(results).size();
    assertTrue(done > 0 && done < PROBLEMS, done + " problems were done when it was killed");
  }

  /** Starts a command in a process of its own, and kills that when a file that it writes has so many lines. */
  private static void killed(List<String> command, Path file, int lines) throws IOException, InterruptedException {
    List<String> call = new ArrayList<>(List.of(ProcessHandle.current().info().command().orElseThrow()));
    for (String option : java.lang.management.ManagementFactory.getRuntimeMXBean().getInputArguments()) {
      if (option.startsWith("--add-opens") || option.startsWith("--enable") || option.startsWith("--sun")) {
        call.add(option);
      }
    }
    CONF.forEach((name, value) -> call.add("-D" + name + "=" + value));
    call.addAll(List.of("-Xmx512m", "-cp", System.getProperty("java.class.path"), "dev.sphere.cli.Main"));
    call.addAll(command);
    Process driver = new ProcessBuilder(call).redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
    while (driver.isAlive() && lines(file) < lines) {
      Thread.sleep(5);
    }
    driver.destroyForcibly().waitFor();
  }

  private static long lines(Path file) throws IOException {
    if (!Files.exists(file)) {
      return 0;
    }
    long n = 0;
    for (byte b : Files.readAllBytes(file)) {
      n += b == '\n' ? 1 : 0;
    }
    return n;
  }

  /** A run that one process began is taken on by a cluster. */
  @Test
  void aRunGoesOnWhereItStopped() throws Exception {
    Path run = dir.resolve("resumed");
    killed(run, search(run));
    assertEquals(0, run(onSpark(search(run, "--resume"))));
    assertSamePairs(run);
  }

  @Test
  void soDoesOneWhoseSparkDriverWasKilled() throws Exception {
    Path run = dir.resolve("driver");
    killed(run, onSpark(search(run)));
    assertEquals(0, run(onSpark(search(run, "--resume"))));
    assertSamePairs(run);
  }

  /** The model comes by Spark's files, so that the executors have copies of their own, which get lost in the middle. */
  @Test
  void aModelThatIsLostInTheMiddleEndsTheRunAndCostsNothing() throws Exception {
    Path folder = Files.createDirectories(Path.of("target", "lost"));
    Path model = folder.resolve("lost.gguf"); // a relative path: the executors work elsewhere
    Files.copy(ModelSource.resolve("embedded"), model, StandardCopyOption.REPLACE_EXISTING);
    spark.sc().addFile(model.toString());
    Path run = dir.resolve("lost");
    List<String> command = new ArrayList<>(search(run, "--resume"));
    command.set(command.indexOf("embedded"), model.toString());
    Thread thief = afterFirstResult(run, () -> {
      for (Path copy : copies()) {
        Files.delete(copy);
      }
    });
    String lost = refusal(onSpark(command));
    thief.join();
    // An executor that had not opened its copy by then (on a busy machine) says that there is none.
    assertTrue(lost.contains("lost.gguf changed while it was in use") && lost.contains("--resume")
        || lost.contains("lost.gguf: there is no such file"), lost);
    assertFalse(Files.exists(run.resolve("pairs.jsonl")));
    int done = Files.readAllLines(run.resolve("results.jsonl")).size();
    assertTrue(done > 0 && done < PROBLEMS, done + " problems were done");

    for (Path home : homes()) { // another model took its name
      Files.copy(ModelSource.resolve("embedded-small"), home.resolve("lost.gguf"), StandardCopyOption.REPLACE_EXISTING);
    }
    String other = refusal(onSpark(command));
    assertTrue(other.contains("model.sha256"), other);

    for (Path home : homes()) {
      Files.copy(model, home.resolve("lost.gguf"), StandardCopyOption.REPLACE_EXISTING);
    }
    assertEquals(0, run(onSpark(command)));
    assertSamePairs(run);
  }

  /** The executors' folders. */
  private static List<Path> homes() throws IOException {
    try (Stream<Path> all = Files.walk(Path.of(System.getenv("SPARK_HOME"), "work"), 2)) {
      return all.filter(p -> p.getParent().getFileName().toString().equals(spark.sc().applicationId())).toList();
    }
  }

  private static List<Path> copies() throws IOException {
    return homes().stream().map(home -> home.resolve("lost.gguf")).filter(Files::exists).toList();
  }

  @Test
  void aProbeIsDrawnThereToo() throws IOException {
    Path here = dir.resolve("probe-here");
    Path there = dir.resolve("probe-there");
    String[] probe = {"--probe", "4", "--pass-rate", "0.2..0.9"};
    assertEquals(0, run(search(here, probe)));
    assertEquals(0, run(onSpark(search(there, probe))));
    assertArrayEquals(Files.readAllBytes(here.resolve("pairs.jsonl")), Files.readAllBytes(there.resolve("pairs.jsonl")));
  }

  @Test
  void anEvaluationIsThatOfOneProcess() throws IOException {
    Path here = dir.resolve("answers-here.jsonl");
    Path there = dir.resolve("answers-there.jsonl");
    List<String> eval = List.of("eval", "--model", "embedded", "--problems", "embedded:validation", "--limit", "40", "--samples", "2", "--out");
    assertEquals(0, run(with(eval, here.toString())));
    assertEquals(0, run(onSpark(with(eval, there.toString()))));
    assertArrayEquals(Files.readAllBytes(here), Files.readAllBytes(there));
    assertFalse(Files.exists(dir.resolve("answers-there.jsonl." + Cluster.KIND)), "nothing is left over");
  }

  /** Answers that one process began, and those of a Spark driver that was killed. */
  @Test
  void anEvaluationGoesOnWhereItStopped() throws Exception {
    Path whole = dir.resolve("whole.jsonl");
    List<String> eval = List.of("eval", "--model", "embedded", "--problems", "embedded:validation", "--limit", "400", "--out");
    assertEquals(0, run(with(eval, whole.toString())));
    for (boolean onSpark : new boolean[] {false, true}) {
      Path out = dir.resolve("stopped-" + onSpark + ".jsonl");
      List<String> command = with(eval, out.toString());
      killed(onSpark ? onSpark(command) : command, Journal.part(out), 2); // a line says what it is
      assertFalse(Files.exists(out), "it was killed in the middle");
      assertTrue(lines(Journal.part(out)) >= 2, "an answer was kept");
      assertEquals(0, run(onSpark(with(command, "--resume"))));
      assertArrayEquals(Files.readAllBytes(whole), Files.readAllBytes(out));
    }
  }

  @Test
  void completionsAreThoseOfOneProcess() throws IOException {
    Path prompts = dir.resolve("prompts.jsonl");
    StringBuilder rows = new StringBuilder();
    for (int i = 0; i < 30; i++) {
      rows.append("{\"id\":\"p").append(i).append("\",\"prompt\":\"Tom has ").append(i).append(" pens \\ud83d and buys 4 more.\"}\n");
    }
    Files.writeString(prompts, rows);
    Path here = dir.resolve("rows-here.jsonl");
    Path there = dir.resolve("rows-there.jsonl");
    List<String> generate = List.of("generate", "--model", "embedded", "--in", prompts.toString(), "--samples", "2", "--temperature", "0.8",
        "--out");
    assertEquals(0, run(with(generate, here.toString())));
    assertEquals(0, run(onSpark(with(generate, there.toString()))));
    assertArrayEquals(Files.readAllBytes(here), Files.readAllBytes(there));
  }

  /** Searches and evaluations are done there, and training here. */
  @Test
  void aRoundIsThatOfOneProcess() throws IOException {
    Path recipe = dir.resolve("recipe.yaml");
    Files.writeString(recipe, """
        name: test
        model: embedded
        small_model: embedded-small
        problems: embedded:train
        limit: 6
        seed: 3
        search: {rollouts: 2, candidates: 3, depth: 8, pairing: any}
        train: {method: lora, lora_rank: 4, learning_rate: 1e-4, batch_pairs: 4}
        evaluate: {problems: "embedded:validation", limit: 10}
        """);
    Path here = dir.resolve("evolve-here");
    Path there = dir.resolve("evolve-there");
    List<String> evolve = List.of("evolve", "--recipe", recipe.toString(), "--run");
    assertEquals(0, run(with(evolve, here.toString())));
    assertEquals(0, run(onSpark(with(evolve, there.toString()))));
    for (String file : List.of("base-answers.jsonl", "round-1/search/pairs.jsonl", "round-1/answers.jsonl")) {
      assertArrayEquals(Files.readAllBytes(here.resolve(file)), Files.readAllBytes(there.resolve(file)), file);
    }
    assertTrue(Files.exists(there.resolve("round-1/search").resolve(Cluster.KIND)), "the cluster searched");
  }

  private static List<String> with(List<String> command, String last) {
    return Stream.concat(command.stream(), Stream.of(last)).toList();
  }
}
