package dev.sphere.cli.command;

import dev.sphere.engine.run.Cluster;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import picocli.CommandLine.Model.CommandSpec;

/** A command's way to Spark: {@code spark-submit} of {@code SPARK_HOME} or of the path, where this process is not Spark's driver. */
public final class OnSpark implements AutoCloseable {
  /** What {@code --spark} is, after what is done there. */
  static final String HELP = "spark://HOST:PORT, yarn, k8s://..., local[N]. Needs Spark 4.2 (SPARK_HOME).";
  private static final String MAIN = "dev.sphere.spark.SparkMain";
  private static final Pattern CORE = Pattern.compile("spark-core_[0-9.]+-([0-9]+\\.[0-9]+\\..*)\\.jar");
  private static final String GET = "unpack Spark 4.2 (spark.apache.org/downloads.html) and set SPARK_HOME to its folder";

  private final Optional<Cluster> cluster;

  private OnSpark(Optional<Cluster> cluster) {
    this.cluster = cluster;
  }

  /** Whether this process is Spark's driver. */
  static boolean here() {
    return source() != null;
  }

  private static Cluster.Source source() {
    return ServiceLoader.load(Cluster.Source.class).findFirst().orElse(null);
  }

  /**
   * Opens the cluster of a command; nothing is started yet.
   *
   * @param master null where this process works itself
   */
  static OnSpark open(String master, String name) {
    return new OnSpark(Optional.ofNullable(master).map(m -> source().at(m, name)));
  }

  Optional<Cluster> cluster() {
    return cluster;
  }

  /**
   * The cluster's machines, which open the models of a command line; empty where this process works itself.
   *
   * @param kind the file that says which kind of machine the results come from
   */
  Optional<Cluster.Remote> remote(CommandSpec spec, Optional<Path> kind) {
    return cluster.map(c -> new Cluster.Remote(c, command(spec), kind));
  }

  @Override
  public void close() {
    cluster.ifPresent(Cluster::close);
  }

  /** A command's line as its workers read it: without the program's name. */
  private static List<String> command(CommandSpec spec) {
    return spec.root().commandLine().getParseResult().originalArgs();
  }

  /**
   * The file that says which kind of machine the rows of a file come from, as long as they are made.
   *
   * @param out null where the rows go to no file
   */
  static Optional<Path> kind(Path out) {
    return Optional.ofNullable(out).map(file -> file.resolveSibling(file.getFileName() + "." + Cluster.KIND));
  }

  /** Removes that file, when all rows are made. */
  static void forget(Optional<Path> kind) {
    try {
      if (kind.isPresent()) {
        Files.deleteIfExists(kind.get());
      }
    } catch (IOException e) {
      throw new UncheckedIOException("removing " + kind.get() + ": " + e.getMessage(), e);
    }
  }

  /**
   * Starts a command again within Spark's driver.
   *
   * @return its exit status
   * @throws IllegalArgumentException when Spark or one of Sphere's jars is not found
   */
  static int submit(String master, CommandSpec spec) throws IOException, InterruptedException {
    Path submit = find();
    requireSpark(submit);
    Path engine = ownJar();
    List<String> call = new ArrayList<>(List.of(submit.toString(), "--master", master, "--class", MAIN, "--jars", engine.toString(),
        "--driver-java-options", "--enable-native-access=ALL-UNNAMED", sparkJar(engine).toString()));
    call.addAll(command(spec));
    ProcessBuilder driver = new ProcessBuilder(call).inheritIO();
    driver.environment().put("JAVA_HOME", System.getProperty("java.home")); // this one is new enough
    return driver.start().waitFor();
  }

  private static Path find() {
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
    throw new IllegalArgumentException("--spark needs Spark 4.2, which was not found: " + GET);
  }

  /**
   * Refuses another Spark before it is started: an old one fails on a new Java with pages that do not say so.
   *
   * @param submit its {@code bin/spark-submit}; where its jars do not lie beside it, it is left to itself
   */
  static void requireSpark(Path submit) throws IOException {
    Path jars = submit.toRealPath().resolveSibling("../jars").normalize();
    if (!Files.isDirectory(jars)) {
      return;
    }
    try (Stream<Path> all = Files.list(jars)) {
      all.map(jar -> CORE.matcher(jar.getFileName().toString())).filter(Matcher::matches).findFirst().ifPresent(core -> {
        String refusal = refusal(core.group(1), " (" + jars.getParent() + ")");
        if (refusal != null) {
          throw new IllegalArgumentException(refusal);
        }
      });
    }
  }

  /**
   * What is wrong with a version of Spark; null when nothing is. Sphere is written for 4.2.
   *
   * @param where it lies, for the message; may be empty
   */
  public static String refusal(String version, String where) {
    String[] parts = version.split("[.-]");
    return parts[0].equals("4") && Integer.parseInt(parts[1]) >= 2 ? null : "this is Spark " + version + where + ": " + GET;
  }

  private static Path ownJar() {
    try {
      return Path.of(OnSpark.class.getProtectionDomain().getCodeSource().getLocation().toURI());
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
