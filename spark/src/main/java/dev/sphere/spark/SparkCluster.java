package dev.sphere.spark;

import dev.sphere.engine.run.Cluster;
import dev.sphere.engine.stage.Workers;
import dev.sphere.engine.store.Provenance;
import dev.sphere.engine.store.RecordLines;
import java.io.IOException;
import java.io.Serializable;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.apache.spark.SimpleFutureAction;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import scala.collection.Iterator;
import scala.jdk.javaapi.CollectionConverters;
import scala.runtime.AbstractFunction0;
import scala.runtime.AbstractFunction1;
import scala.runtime.AbstractFunction2;
import scala.runtime.BoxedUnit;
import scala.util.Try;

/**
 * Spark as the workers of a search: each problem is a task, and its records come back to the driver as soon as it is done,
 * whatever the others do. Retries and speculation are Spark's.
 */
final class SparkCluster implements Cluster, Workers {
  /** Tasks of a job: so many that a next job's tasks wait before they run out, so few that the scheduler's tables stay small. */
  private static final int JOB = 10_000;
  private static final int JOBS = 2;
  /** Answers that are recorded together at most: they share their syncs. */
  private static final int TOGETHER = 256;
  private static final int REACH_MS = 5_000;

  private final JavaSparkContext spark;
  private final Broadcast<Lead> lead;
  private final Machines machines;

  private SparkCluster(JavaSparkContext spark, Broadcast<Lead> lead, Machines machines) {
    this.spark = spark;
    this.lead = lead;
    this.machines = machines;
  }

  static SparkCluster open(String master, List<String> command, Provenance from, Path directory) {
    requireReachable(master);
    SparkConf conf = new SparkConf().setIfMissing("spark.master", master).setIfMissing("spark.app.name", "sphere " + directory);
    conf.setIfMissing("spark.log.level", "WARN"); // progress is the line that people read
    conf.setIfMissing("spark.driver.maxResultSize", "0"); // results are written and forgotten as they come
    conf.setIfMissing("spark.executor.extraJavaOptions", executorOptions(conf));
    JavaSparkContext spark = new JavaSparkContext(conf);
    spark.setCallSite("sphere search");
    Lead lead = new Lead(UUID.randomUUID().toString(), new ArrayList<>(command), new LinkedHashMap<>(from.identity()));
    return new SparkCluster(spark, spark.broadcast(lead), new Machines(directory));
  }

  /** The engine takes as many threads as the executor has cores. */
  private static String executorOptions(SparkConf conf) {
    String cores = conf.get("spark.executor.cores", conf.get("spark.master").startsWith("local-cluster")
        ? conf.get("spark.master").replaceAll("\\s", "").split("[\\[,\\]]")[2] : "");
    return "--enable-native-access=ALL-UNNAMED" + (cores.isEmpty() ? "" : " -XX:ActiveProcessorCount=" + cores);
  }

  /** Spark itself would try for a minute and then tell of it in pages. */
  private static void requireReachable(String master) {
    if (!master.startsWith("spark://")) {
      return;
    }
    IOException last = null;
    for (String one : master.substring("spark://".length()).split(",")) {
      URI uri = URI.create("spark://" + one);
      if (uri.getHost() == null || uri.getPort() < 0) {
        throw new IllegalArgumentException("--spark " + master + ": a master is spark://HOST:PORT");
      }
      try (Socket socket = new Socket()) {
        socket.connect(new InetSocketAddress(uri.getHost(), uri.getPort()), REACH_MS);
        return;
      } catch (IOException e) {
        last = e;
      }
    }
    throw new IllegalArgumentException("no Spark master answers at " + master + " (" + last.getMessage()
        + "): start it (sbin/start-master.sh), or give its address as its page shows it");
  }

  @Override
  public Workers workers() {
    return this;
  }

  @Override
  public int slots() {
    return Math.max(1, spark.defaultParallelism());
  }

  /** One problem on an executor. */
  private static final class Work extends AbstractFunction1<Iterator<byte[]>, Answer> implements Serializable {
    private static final long serialVersionUID = 1;
    private final Broadcast<Lead> lead;

    Work(Broadcast<Lead> lead) {
      this.lead = lead;
    }

    @Override
    public Answer apply(Iterator<byte[]> tasks) {
      try {
        return ExecutorEngine.work(lead.value(), tasks.next());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("the task was stopped", e);
      }
    }
  }

  @Override
  public void run(List<Task> tasks, Consumer<List<Done>> done) throws InterruptedException {
    BlockingQueue<Answer> answers = new LinkedBlockingQueue<>();
    Deque<SimpleFutureAction<Object>> jobs = new ArrayDeque<>();
    int begun = 0;
    try {
      for (int taken = 0; taken < tasks.size();) {
        while (begun < tasks.size() && jobs.size() < JOBS) {
          int to = Math.min(tasks.size(), begun + JOB);
          jobs.add(submit(tasks.subList(begun, to), answers));
          begun = to;
        }
        Answer answer = answers.poll(200, TimeUnit.MILLISECONDS);
        if (answer != null) {
          List<Answer> some = new ArrayList<>(List.of(answer));
          answers.drainTo(some, TOGETHER - 1);
          some.forEach(machines::accept);
          done.accept(some.stream().map(a -> RecordLines.done(a.lines())).toList());
          taken += some.size();
        } else {
          jobs.removeIf(SparkCluster::over);
        }
      }
    } catch (Throwable t) {
      spark.sc().cancelAllJobs();
      throw t;
    }
  }

  private SimpleFutureAction<Object> submit(List<Task> tasks, BlockingQueue<Answer> answers) {
    List<byte[]> lines = tasks.stream().map(RecordLines::of).toList();
    JavaRDD<byte[]> each = spark.parallelize(lines, lines.size());
    List<Object> partitions = new ArrayList<>(IntStream.range(0, lines.size()).boxed().toList());
    spark.setJobDescription(tasks.getFirst().kind() == Kind.PROBE ? "probe " + lines.size() + " problems"
        : "search " + lines.size() + " problems, from " + tasks.getFirst().problem().id());
    return spark.sc().submitJob(each.rdd(), new Work(lead), CollectionConverters.asScala(partitions).toSeq(),
        new AbstractFunction2<Object, Answer, BoxedUnit>() {
          @Override
          public BoxedUnit apply(Object index, Answer answer) {
            answers.add(answer);
            return BoxedUnit.UNIT;
          }
        },
        new AbstractFunction0<Object>() {
          @Override
          public Object apply() {
            return null;
          }
        });
  }

  /** @throws IllegalStateException when the job failed */
  private static boolean over(SimpleFutureAction<Object> job) {
    if (!job.isCompleted()) {
      return false;
    }
    Try<Object> end = job.value().get();
    if (end.isFailure()) {
      throw failure(end.failed().get());
    }
    return true;
  }

  private static RuntimeException failure(Throwable cause) {
    String message = String.valueOf(cause.getMessage());
    if (message.contains("UnsupportedClassVersionError")) {
      return new IllegalArgumentException("the executors run a Java older than 25: set spark.executorEnv.JAVA_HOME to a JDK 25", cause);
    }
    String line = message.lines().filter(l -> l.contains("Exception") || l.contains("Error")).findFirst().orElse(message);
    return new IllegalStateException("the cluster gave up on a problem: " + line
        + ". What was done is in the run: go on with --resume", cause);
  }

  @Override
  public void close() {
    spark.stop();
  }
}
