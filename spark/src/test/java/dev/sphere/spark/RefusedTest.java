package dev.sphere.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.cli.Main;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Clusters that cannot do the work: one line, and nothing is left of the run. */
class RefusedTest {
  @TempDir private Path dir;

  private String refusal(String master) {
    Path run = dir.resolve("run");
    PrintStream err = System.err;
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    System.setErr(new PrintStream(said, true, StandardCharsets.UTF_8));
    try {
      assertEquals(2, Main.run("search", "--model", "embedded", "--problems", "embedded:train", "--limit", "2", "--run", run.toString(),
          "--spark", master), () -> said.toString(StandardCharsets.UTF_8));
    } finally {
      System.setErr(err);
    }
    assertTrue(Files.notExists(run), "nothing is left of it");
    List<String> lines = said.toString(StandardCharsets.UTF_8).lines().filter(l -> l.startsWith("sphere: ")).toList();
    assertEquals(1, lines.size(), () -> said.toString(StandardCharsets.UTF_8));
    return lines.getFirst();
  }

  @Test
  void aMasterThatDoesNotAnswer() {
    String said = refusal("spark://127.0.0.1:1");
    assertTrue(said.contains("no Spark master answers at spark://127.0.0.1:1"), said);
  }

  @Test
  void aSparkThatDoesNotStart() {
    String said = refusal("local-cluster[1,1,64]");
    assertTrue(said.contains("Spark does not start at local-cluster[1,1,64]") && said.contains("64 MiB/worker"), said);
  }

  @Test
  void tooLittleMemoryForTheModel() {
    Map<String, String> conf = Map.of("spark.executor.memoryOverhead", "1m", "spark.ui.enabled", "false",
        "spark.driver.host", "127.0.0.1", "spark.driver.bindAddress", "127.0.0.1");
    conf.forEach(System::setProperty);
    try {
      String said = refusal("local[1]"); // the driver is its own executor
      assertTrue(said.contains("the models take 3 MiB") && said.contains("1 MiB beside its heap")
          && said.contains("spark.executor.memoryOverhead"), said);
    } finally {
      conf.keySet().forEach(System::clearProperty);
    }
  }
}
