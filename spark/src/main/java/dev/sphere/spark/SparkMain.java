package dev.sphere.spark;

import dev.sphere.cli.Main;
import dev.sphere.cli.command.OnSpark;
import org.apache.spark.package$;

/** What {@code spark-submit} starts: Sphere's command line in Spark's driver. {@code ./sphere search --spark MASTER} calls it. */
public final class SparkMain {
  private SparkMain() {}

  public static void main(String[] args) {
    String refusal = OnSpark.refusal(package$.MODULE$.SPARK_VERSION(), "");
    if (refusal != null) {
      System.err.println("sphere: " + refusal);
      System.exit(2);
    }
    System.exit(Main.run(args));
  }
}
