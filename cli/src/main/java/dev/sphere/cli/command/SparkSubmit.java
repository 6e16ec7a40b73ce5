package dev.sphere.cli.command;

import dev.sphere.engine.run.Cluster;
import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;

/** Starts a command again within Spark's driver, where this process is none: {@code spark-submit} of {@code SPARK_HOME} or of the path. */
final class SparkSubmit {
  private static final String MAIN = "dev.sphere.spark.SparkMain";

  private SparkSubmit() {}

  /** What makes clusters in this process; null outside Spark. */
  static Cluster.Source source() {
    return ServiceLoader.load(Cluster.Source.class).findFirst().orElse(null);
  }

  /**
   * Runs a command line on a cluster.
   *
   * @return its exit status
   * @throws IllegalArgumentException when Spark or one of Sphere's jars is not found
   */
  static int run(String master, List<String> command) throws IOException, InterruptedException {
    Path engine = ownJar();
    List<String> call = new ArrayList<>(List.of(submit().toString(), "--master", master, "--class", MAIN, "--jars", engine.toString(),
        "--driver-java-options", "--enable-native-access=ALL-UNNAMED", sparkJar(engine).toString()));
    call.addAll(command);
    return new ProcessBuilder(call).inheritIO().start().waitFor();
  }

  private static Path submit() {
    String home = System.getenv("SPARK_HOME");
    if (home != null && !home.isBlank()) {
      Path submit = Path.of(home, "bin", "spark-submit");
      if (!Files.isExecutable(submit)) {
        throw new IllegalArgumentException("SPARK_HOME=" + home + " has no bin/spark-submit: set it to the folder of a Spark 4.2");
      }
      return submit;
    }
    for (String folder : System.getenv().getOrDefault("PATH", "").split(File.pathSeparator)) {
      Path submit = Path.of(folder.isEmpty() ? "." : folder, "spark-submit");
      if (Files.isExecutable(submit)) {
        return submit;
      }
    }
    throw new IllegalArgumentException(
        "--spark needs Spark 4.2, which was not found: unpack it (spark.apache.org/downloads.html) and set SPARK_HOME to its folder");
  }

  private static Path ownJar() {
    try {
      return Path.of(SparkSubmit.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Beside the engine's jar, or where Maven makes it. */
  private static Path sparkJar(Path engine) {
    List<Path> places = List.of(engine.resolveSibling("sphere-spark.jar"),
        engine.toAbsolutePath().normalize().getParent().resolve("../../spark/target/sphere-spark.jar").normalize());
    return places.stream().filter(Files::isRegularFile).findFirst().orElseThrow(() -> new IllegalArgumentException(
        "sphere-spark.jar is not beside " + engine + ": build it with mvn -pl spark -am -DskipTests package, or copy it there"));
  }
}
