package dev.sphere.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.cli.command.OnSpark;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkException;
import org.junit.jupiter.api.Test;

/** What is said of Sparks, Javas and machines that do not do. */
class OtherSparksTest {
  @Test
  void anotherSparkIsRefused() {
    assertNull(OnSpark.refusal("4.2.0", ""));
    assertNull(OnSpark.refusal("4.10.1-SNAPSHOT", ""));
    for (String other : new String[] {"3.5.1", "4.0.0", "4.1.2", "5.0.0"}) {
      String said = OnSpark.refusal(other, "");
      assertTrue(said.contains("Spark " + other) && said.contains("SPARK_HOME") && said.lines().count() == 1, said);
    }
  }

  @Test
  void anOlderJavaOfTheExecutorsIsNamed() {
    RuntimeException said = SparkCluster.failure(new SparkException("Job aborted due to stage failure: Task 0 failed 4 times:\n"
        + "java.lang.UnsupportedClassVersionError: dev/sphere/spark/SparkCluster$Work has been compiled by a more recent version\n"
        + "\tat java.base/java.lang.ClassLoader.defineClass1(Native Method)"));
    assertInstanceOf(IllegalArgumentException.class, said, "a mistake of the call: exit status 2");
    assertTrue(said.getMessage().contains("JDK 25") && said.getMessage().lines().count() == 1, said.getMessage());
  }

  @Test
  void anyOtherFailureIsOneLine() {
    RuntimeException said = SparkCluster.failure(new SparkException("Job aborted due to stage failure: Task 3 failed 4 times\n"
        + "java.lang.IllegalStateException: the decoder said -3\n\tat dev.sphere\n\tat dev.sphere"));
    assertInstanceOf(IllegalStateException.class, said);
    assertTrue(said.getMessage().contains("the decoder said -3") && said.getMessage().contains("--resume"), said.getMessage());
    assertEquals(1, said.getMessage().lines().count());
  }

  @Test
  void whatAnExecutorMayUseBesideItsHeap() {
    long mib = 1L << 20;
    assertEquals(3000 * mib, ExecutorEngine.besideHeap(new SparkConf(false), 1000 * mib, 4000 * mib), "all that the machine has");
    SparkConf yarn = new SparkConf(false).set("spark.master", "yarn");
    assertEquals(384 * mib, ExecutorEngine.besideHeap(yarn, 1000 * mib, 64_000 * mib));
    assertEquals(800 * mib, ExecutorEngine.besideHeap(yarn, 8000 * mib, 64_000 * mib));
    assertEquals(5120 * mib, ExecutorEngine.besideHeap(yarn.set("spark.executor.memoryOverhead", "5g"), 8000 * mib, 64_000 * mib));
  }
}
