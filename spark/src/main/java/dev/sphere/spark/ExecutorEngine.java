package dev.sphere.spark;

import dev.sphere.base.FileChangedException;
import dev.sphere.base.InFlight;
import dev.sphere.bindings.load.NativeUnavailableException;
import dev.sphere.cli.command.WorkerCommand;
import dev.sphere.engine.run.Worker;
import dev.sphere.engine.run.WorkerPlan;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkEnv;
import org.apache.spark.SparkFiles;
import org.apache.spark.TaskContext;
import org.apache.spark.resource.ResourceInformation;

/**
 * The engine of an executor: one for all its task slots, so that the problems in flight step together. It is opened by the
 * first task and stays until the executor ends.
 */
final class ExecutorEngine {
  private static final Pattern PATH = Pattern.compile("[^,:=]+");
  private static ExecutorEngine current;

  private final String leadId;
  private final Worker worker;
  private final String fingerprint;

  private ExecutorEngine(String leadId, Worker worker, String fingerprint) {
    this.leadId = leadId;
    this.worker = worker;
    this.fingerprint = fingerprint;
  }

  /** Does some tasks, together. A mistake in the set-up, or a model that changed, is an answer, since trying again would not mend it. */
  static Answer work(Lead lead, List<byte[]> tasks) throws InterruptedException {
    String host = SparkEnv.get().blockManager().blockManagerId().host();
    ExecutorEngine engine;
    try {
      engine = of(lead);
    } catch (IllegalArgumentException | NativeUnavailableException | UncheckedIOException e) {
      return Answer.refusal(host, e.getMessage());
    }
    try {
      return new Answer(host, null, engine.fingerprint,
          new ArrayList<>(InFlight.run(tasks, tasks.size(), engine.worker::work, (i, lines) -> { })));
    } catch (FileChangedException e) {
      return Answer.refusal(host, e.getMessage());
    }
  }

  private static synchronized ExecutorEngine of(Lead lead) throws InterruptedException {
    if (current != null && current.leadId.equals(lead.id())) {
      return current;
    }
    if (current != null) {
      current.worker.close();
      current = null;
    }
    useGpu(TaskContext.get());
    List<String> command = new ArrayList<>();
    lead.command().forEach(argument -> command.add(local(argument)));
    WorkerPlan plan = WorkerCommand.plan(command);
    requireMemory(plan.files());
    Worker worker = plan.open(lead.identity());
    current = new ExecutorEngine(lead.id(), worker, worker.fingerprint());
    return current;
  }

  /** The GPU that Spark assigned to this executor's first task is the engine's; all its tasks share it. */
  private static void useGpu(TaskContext task) {
    ResourceInformation gpu = task.resourcesJMap().get("gpu");
    if (gpu != null && gpu.addresses().length > 0 && System.getProperty("sphere.device") == null) {
      System.setProperty("sphere.device", "cuda:" + gpu.addresses()[0]);
    }
  }

  /** A file of the command line that is not here but came with Spark's files ({@code --files}) is that one. */
  static String local(String argument) {
    Matcher parts = PATH.matcher(argument);
    return parts.replaceAll(part -> Matcher.quoteReplacement(here(part.group())));
  }

  private static String here(String path) {
    if (path.indexOf('.') < 0 || new File(path).exists()) {
      return path;
    }
    File sent = new File(SparkFiles.getRootDirectory(), new File(path).getName());
    return sent.isFile() ? sent.getPath() : path;
  }

  private static void requireMemory(List<Path> models) {
    long bytes = models.stream().filter(Objects::nonNull).mapToLong(ExecutorEngine::size).sum();
    SparkConf conf = SparkEnv.get().conf();
    long all = ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getTotalMemorySize();
    long memory = besideHeap(conf, Runtime.getRuntime().maxMemory(), all);
    if (bytes > memory) {
      throw new IllegalArgumentException("the models take " + (bytes >> 20) + " MiB, and an executor here may use " + (memory >> 20)
          + " MiB beside its heap: raise spark.executor.memoryOverhead, or take larger machines");
    }
  }

  /**
   * What an executor may use beside its heap, in bytes: what was set, YARN's share where nothing was, else what the machine or
   * its container has.
   */
  static long besideHeap(SparkConf conf, long heap, long all) {
    if (conf.contains("spark.executor.memoryOverhead")) {
      return conf.getSizeAsMb("spark.executor.memoryOverhead") << 20;
    }
    if (conf.get("spark.master", "").startsWith("yarn")) {
      return Math.max(384L << 20, (long) (heap * conf.getDouble("spark.executor.memoryOverheadFactor", 0.1)));
    }
    return all - heap;
  }

  private static long size(Path file) {
    try {
      return Files.size(file);
    } catch (IOException e) {
      throw new IllegalArgumentException("cannot read " + file + " here: give the same path on all machines, or send the file"
          + " along by spark-submit --files");
    }
  }
}
