package dev.sphere.spark;

import dev.sphere.cli.Main;
import org.apache.spark.package$;

/** What {@code spark-submit} starts: Sphere's command line in Spark's driver. {@code ./sphere search --spark MASTER} calls it. */
public final class SparkMain {
  /** The Spark that this module is written for. */
  static final String SERIES = "4.";

  private SparkMain() {}

  public static void main(String[] args) {
    String version = package$.MODULE$.SPARK_VERSION();
    if (!version.startsWith(SERIES)) {
      System.err.println("sphere: this is Spark " + version + "; Sphere needs Spark 4.2 (spark.apache.org/downloads.html). Set SPARK_HOME to it.");
      System.exit(2);
    }
    System.exit(Main.run(args));
  }
}
