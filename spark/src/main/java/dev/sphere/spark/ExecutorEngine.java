package dev.sphere.spark;

import dev.sphere.bindings.load.NativeUnavailableException;
import dev.sphere.cli.command.SearchCommand;
import dev.sphere.engine.run.OpenSearch;
import dev.sphere.engine.run.SearchPlan;
import dev.sphere.engine.store.Provenance;
import dev.sphere.engine.store.RecordLines;
import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
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
  private final OpenSearch search;
  private final String fingerprint;

  private ExecutorEngine(String leadId, OpenSearch search, String fingerprint) {
    this.leadId = leadId;
    this.search = search;
    this.fingerprint = fingerprint;
  }

  /** Does one task. A mistake in the set-up is an answer, since trying again would not mend it. */
  static Answer work(Lead lead, byte[] task) throws InterruptedException {
    String host = SparkEnv.get().blockManager().blockManagerId().host();
    ExecutorEngine engine;
    try {
      engine = of(lead);
    } catch (IllegalArgumentException | NativeUnavailableException e) {
      return Answer.refusal(host, e.getMessage());
    }
    byte[] lines = RecordLines.of(engine.search.run().work(RecordLines.task(task)));
    engine.search.requireUnchanged();
    return new Answer(host, null, engine.fingerprint, lines);
  }

  private static synchronized ExecutorEngine of(Lead lead) throws InterruptedException {
    if (current != null && current.leadId.equals(lead.id())) {
      return current;
    }
    if (current != null) {
      current.search.close();
      current = null;
    }
    useGpu(TaskContext.get());
    List<String> command = new ArrayList<>();
    lead.command().forEach(argument -> command.add(local(argument)));
    SearchPlan plan = SearchCommand.plan(command);
    requireMemory(plan);
    OpenSearch search = OpenSearch.open(plan, new Provenance(lead.identity(), Map.of()));
    current = new ExecutorEngine(lead.id(), search, search.fingerprint());
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

  private static void requireMemory(SearchPlan plan) {
    long bytes = size(plan.model()) + (plan.smallModel() == null ? 0 : size(plan.smallModel()));
    for (Path file : plan.prm().files()) {
      bytes += size(file);
    }
    long memory = ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getTotalMemorySize();
    if (bytes > memory) {
      throw new IllegalArgumentException("the models take " + (bytes >> 20) + " MiB, and the executor may use " + (memory >> 20)
          + " MiB beside its heap: raise spark.executor.memoryOverhead, or take larger machines");
    }
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
