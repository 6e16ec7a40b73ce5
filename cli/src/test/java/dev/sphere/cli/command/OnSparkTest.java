package dev.sphere.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Another Spark is refused before it is started. */
class OnSparkTest {
  @TempDir private Path home;

  private Path submit(String jar) throws IOException {
    Files.createDirectories(home.resolve("bin"));
    Files.createDirectories(home.resolve("jars"));
    Files.writeString(home.resolve("jars").resolve(jar), "");
    return Files.writeString(home.resolve("bin").resolve("spark-submit"), "");
  }

  @Test
  void thisSparkIsTaken() throws IOException {
    OnSpark.requireSpark(submit("spark-core_2.13-4.2.0.jar"));
  }

  @Test
  void anOlderOneIsNamedWithARemedy() throws IOException {
    Path submit = submit("spark-core_2.12-3.5.1.jar");
    String said = assertThrows(IllegalArgumentException.class, () -> OnSpark.requireSpark(submit)).getMessage();
    assertTrue(said.contains("Spark 3.5") && said.contains("SPARK_HOME"), said);
    assertEquals(1, said.lines().count());
  }

  @Test
  void soIsOneBefore42() throws IOException {
    Path submit = submit("spark-core_2.13-4.1.0-preview1.jar");
    assertThrows(IllegalArgumentException.class, () -> OnSpark.requireSpark(submit));
  }

  @Test
  void oneWithoutJarsBesideItIsLeftToItself() throws IOException {
    Files.createDirectories(home.resolve("bin"));
    OnSpark.requireSpark(Files.writeString(home.resolve("bin").resolve("spark-submit"), ""));
  }
}
