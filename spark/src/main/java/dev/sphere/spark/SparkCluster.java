package dev.sphere.spark;

import dev.sphere.engine.Workers;
import dev.sphere.engine.run.Cluster;
import java.io.IOException;
import java.io.Serializable;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
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
import java.util.stream.Stream;
import org.apache.spark.SimpleFutureAction;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkContext$;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import scala.Option;
import scala.collection.Iterator;
import scala.jdk.javaapi.CollectionConverters;
import scala.runtime.AbstractFunction0;
import scala.runtime.AbstractFunction1;
import scala.runtime.AbstractFunction2;
import scala.runtime.BoxedUnit;
import scala.util.Try;

/**
 * Spark as a cluster: each problem or prompt is a task, and what came of it goes back to the driver as soon as it is done,
 * whatever the others do. Retries and speculation are Spark's.
 */
final class SparkCluster implements Cluster {
  /** Cores of an executor that compute, where its task slots are more than its cores. */
  static final String THREADS = "spark.sphere.threads";
  /** Tasks of a job: so many that a next job's tasks wait before they run out, so few that the scheduler's tables stay small. */
  private static final int JOB = 10_000;
  private static final int JOBS = 2;
  /** Answers that are recorded together at most: they share their syncs. */
  private static final int TOGETHER = 256;
  private static final int REACH_MS = 5_000;

  private final String master;
  private final String name;
  private JavaSparkContext spark; // null before the first task
  private boolean own; // not the one of a program that called

  /** @throws IllegalArgumentException when the master does not answer */
  SparkCluster(String master, String name) {
    requireReachable(master);
    this.master = master;
    this.name = name;
  }

  @Override
  public <T, R> Workers<T, R> workers(Job<T, R> job) {
    return new Executors<>(job);
  }

  /** What the executors of a job are told, sent to them; starts Spark where it does not run. */
  private Broadcast<Lead> send(Job<?, ?> job) {
    if (spark == null) {
      Option<SparkContext> there = SparkContext$.MODULE$.getActive();
      own = there.isEmpty();
      spark = own ? start(master, name) : new JavaSparkContext(there.get());
    }
    return spark.broadcast(new Lead(
        UUID.randomUUID().toString(), new ArrayList<>(job.command()), new LinkedHashMap<>(job.identity())));
  }

  static JavaSparkContext start(String master, String name) {
    SparkConf conf = new SparkConf().setIfMissing("spark.master", master).setIfMissing("spark.app.name", "sphere " + name);
    conf.setIfMissing("spark.log.level", "WARN"); // progress is the line that people read
    conf.setIfMissing("spark.driver.maxResultSize", "0"); // results are written and forgotten as they come
    conf.setIfMissing("spark.executor.extraJavaOptions", executorOptions(conf));
    JavaSparkContext started;
    try {
      started = new JavaSparkContext(conf);
    } catch (Exception e) { // SparkException too, which the constructor does not declare
      String why = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
      throw new IllegalArgumentException("Spark does not start at " + master + ": " + why, e);
    }
    started.setCallSite("sphere " + name);
    return started;
  }

  /** The engine takes as many threads as the executor has cores, or as it is told. */
  private static String executorOptions(SparkConf conf) {
    String cores = conf.contains(THREADS) ? conf.get(THREADS) : conf.get("spark.executor.cores", conf.get("spark.master").startsWith("local-cluster")
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

  /** Some tasks on an executor, together. */
  private static final class Work extends AbstractFunction1<Iterator<ArrayList<byte[]>>, Answer> implements Serializable {
    private static final long serialVersionUID = 1;
    private final Broadcast<Lead> lead;

    Work(Broadcast<Lead> lead) {
      this.lead = lead;
    }

    @Override
    public Answer apply(Iterator<ArrayList<byte[]>> groups) {
      try {
        return ExecutorEngine.work(lead.value(), groups.next());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("the task was stopped", e);
      }
    }
  }

  /** Tasks that go to an executor as one, and the place of the first of them. */
  private record Group(int first, ArrayList<byte[]> tasks) {}

  /** What came of a group. */
  private record Came(int first, Answer answer) {}

  /** The executors, with one command's models, which they open at their first task. */
  private final class Executors<T, R> implements Workers<T, R> {
    private final Job<T, R> job;
    private Broadcast<Lead> lead; // null before the first task
    private Machines machines;

    Executors(Job<T, R> job) {
      this.job = job;
    }

    @Override
    public void run(List<T> tasks, Consumer<List<Result<R>>> done) throws InterruptedException {
      if (tasks.isEmpty()) {
        return; // no machine needs to be there
      }
      if (lead == null) {
        machines = new Machines(job.kind());
        lead = send(job);
      }
      BlockingQueue<Came> answers = new LinkedBlockingQueue<>();
      Deque<SimpleFutureAction<Object>> jobs = new ArrayDeque<>();
      int begun = 0;
      try {
        for (int taken = 0; taken < tasks.size();) {
          while (begun < tasks.size() && jobs.size() < JOBS) {
            int to = Math.min(tasks.size(), begun + JOB);
            jobs.add(submit(job.name() + ": " + (to - begun) + " tasks, from number " + (begun + 1) + " on",
                groups(tasks, begun, to), answers));
            begun = to;
          }
          Came answer = answers.poll(200, TimeUnit.MILLISECONDS);
          if (answer != null) {
            List<Came> some = new ArrayList<>(List.of(answer));
            answers.drainTo(some, TOGETHER - 1);
            some.forEach(came -> machines.accept(came.answer));
            List<Result<R>> results = some.stream().flatMap(this::results).toList();
            done.accept(results);
            taken += results.size();
          } else {
            jobs.removeIf(SparkCluster::over);
          }
        }
      } catch (Throwable t) {
        jobs.forEach(SimpleFutureAction::cancel);
        throw t;
      }
    }

    private Stream<Result<R>> results(Came came) {
      List<byte[]> lines = came.answer.lines();
      return IntStream.range(0, lines.size())
          .mapToObj(i -> new Result<>(came.first + i, job.receive().apply(lines.get(i))));
    }

    /** What goes to an executor as one: less towards the end, so that no machine has much left when the others are done. */
    private List<Group> groups(List<T> tasks, int begun, int end) {
      int slots = Math.max(1, spark.defaultParallelism());
      List<Group> groups = new ArrayList<>();
      for (int from = begun; from < end;) {
        int to = Math.min(end, from + Math.clamp((tasks.size() - from) / (2 * slots), 1, job.together()));
        ArrayList<byte[]> lines = new ArrayList<>();
        tasks.subList(from, to).forEach(task -> lines.add(job.send().apply(task)));
        groups.add(new Group(from, lines));
        from = to;
      }
      return groups;
    }

    private SimpleFutureAction<Object> submit(String description, List<Group> groups, BlockingQueue<Came> answers) {
      JavaRDD<ArrayList<byte[]>> each = spark.parallelize(groups.stream().map(Group::tasks).toList(), groups.size());
      List<Object> partitions = new ArrayList<>(IntStream.range(0, groups.size()).boxed().toList());
      spark.setJobDescription(description);
      return spark.sc().submitJob(each.rdd(), new Work(lead), CollectionConverters.asScala(partitions).toSeq(),
          new AbstractFunction2<Object, Answer, BoxedUnit>() {
            @Override
            public BoxedUnit apply(Object index, Answer answer) {
              answers.add(new Came(groups.get((int) index).first, answer));
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

  /** Visible for tests: what Spark says of a job that failed, in one line. */
  static RuntimeException failure(Throwable cause) {
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
    if (own) {
      spark.stop();
    }
  }
}
