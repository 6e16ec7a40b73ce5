package dev.sphere.spark;

import dev.sphere.cli.Main;
import org.apache.spark.package$;

/** What {@code spark-submit} starts: Sphere's command line in Spark's driver. {@code ./sphere search --spark MASTER} calls it. */
public final class SparkMain {
  private SparkMain() {}

  public static void main(String[] args) {
    String refusal = refusal(package$.MODULE$.SPARK_VERSION());
    if (refusal != null) {
      System.err.println("sphere: " + refusal);
      System.exit(2);
    }
    System.exit(Main.run(args));
  }

  /** What is wrong with a version of Spark; null when nothing is. This module is written for 4.2. */
  static String refusal(String version) {
    String[] parts = version.split("[.-]");
    return parts[0].equals("4") && Integer.parseInt(parts[1]) >= 2 ? null
        : "this is Spark " + version + ": unpack Spark 4.2 (spark.apache.org/downloads.html) and set SPARK_HOME to its folder";
  }
}
