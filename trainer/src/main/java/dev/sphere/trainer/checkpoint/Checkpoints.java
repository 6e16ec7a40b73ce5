package dev.sphere.trainer.checkpoint;

import dev.sphere.bindings.tensor.NativeFloats;
import dev.sphere.engine.store.Damaged;
import dev.sphere.engine.store.RunIdentity;
import dev.sphere.engine.store.StoreException;
import dev.sphere.trainer.Parameter;
import dev.sphere.trainer.optim.Optimizer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

/** The checkpoints of a run: {@code step-00000120.checkpoint} in one folder. */
public final class Checkpoints {
  /** Where no checkpoint is whole. */
  static final String NONE_IS_WHOLE =
      "bring one back from a copy, or move them all away and train with --resume again, which begins anew";

  /** Characters of metrics in a checkpoint at most; its header must not outgrow what is read of one. */
  private static final long MOST_METRICS = 1 << 26;

  private final Path folder;
  private final Identity identity;
  private final List<Parameter> parameters;
  private final Optimizer optimizer;
  private final Consumer<String> notes;
  private final Map<String, NativeFloats> more;

  /** Where a run stands, besides parameters and moments; the data order follows from the step and the seed. */
  public record Position(int step, long tokens, Path file, JsonNode pendingMetrics, List<String> metrics) {}

  /**
   * @param notes takes what is worth a line, as which checkpoint is damaged
   * @param more what is saved and restored besides parameters and moments
   */
  public Checkpoints(
      Path folder,
      Identity identity,
      List<Parameter> parameters,
      Optimizer optimizer,
      Consumer<String> notes,
      Map<String, NativeFloats> more) {
    this.folder = folder;
    this.identity = identity;
    this.parameters = parameters;
    this.optimizer = optimizer;
    this.notes = notes;
    this.more = more;
  }

  /**
   * Writes a checkpoint and drops all but the newest.
   *
   * @param metrics the lines of metrics so far, which a resumed run writes again
   */
  public Path save(int step, long tokens, MetricSums pending, List<String> metrics, int keepLast) {
    Map<String, Object> header = new LinkedHashMap<>();
    header.put("format", 1);
    header.put("step", step);
    header.put("num_tokens", tokens);
    header.put("optimizer_steps", optimizer.steps());
    header.put("pending_metrics", pending.state());
    header.put("identity", identity.toMap());
    if (metrics.stream().mapToLong(String::length).sum() <= MOST_METRICS) {
      header.put("metrics", metrics);
    }
    Path file = folder.resolve("step-%08d.checkpoint".formatted(step));
    TensorFile.write(file, header, tensors());
    List<Path> all = files();
    for (Path old : all.subList(0, Math.max(0, all.size() - keepLast))) {
      delete(old);
    }
    return file;
  }

  /** All checkpoints, oldest first. */
  List<Path> files() {
    return files(folder);
  }

  /** All checkpoints in a folder, oldest first; none when there is no such folder. */
  public static List<Path> files(Path folder) {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> list = Files.list(folder)) {
      return list
          .filter(p -> p.getFileName().toString().matches("step-\\d{8,}\\.checkpoint"))
          .sorted(Comparator.comparing(p -> p.getFileName().toString()))
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot list the checkpoints in " + folder + ": " + e.getMessage(), e);
    }
  }

  /**
   * Restores the newest checkpoint that is whole; damaged ones are named and kept aside, so that they neither pass for
   * good ones nor push them out.
   *
   * @return where the run stands; null when there is no checkpoint
   * @throws StoreException.Refused when it belongs to another run; the message names what differs
   */
  public Position restore() {
    List<Path> all = files();
    List<Path> damaged = new ArrayList<>();
    for (int i = all.size() - 1; i >= 0; i--) {
      Path file = all.get(i);
      try {
        TensorFile opened = TensorFile.open(file);
        compare(file, opened.header().path("identity"));
        opened.restore(tensors());
        damaged.addAll(damaged(all.subList(0, i)));
        damaged.forEach(Damaged::move);
        optimizer.restoreSteps(opened.header().path("optimizer_steps").asLong());
        return new Position(
            opened.header().path("step").asInt(),
            opened.header().path("num_tokens").asLong(),
            file,
            opened.header().path("pending_metrics"),
            metrics(opened));
      } catch (IOException e) {
        damaged.add(file);
        notes.accept("the checkpoint " + file + " cannot be used (" + e.getMessage() + "); trying the one before");
      }
    }
    if (!all.isEmpty()) {
      throw new StoreException.Refused(
          "none of the " + all.size() + " checkpoints in " + folder + " can be used: " + NONE_IS_WHOLE);
    }
    return null;
  }

  /** Those of older checkpoints that could not be fallen back on. */
  private List<Path> damaged(List<Path> older) {
    List<Path> damaged = new ArrayList<>();
    for (Path file : older) {
      try {
        TensorFile.open(file);
      } catch (IOException e) {
        damaged.add(file);
        notes.accept("the checkpoint " + file + " is damaged (" + e.getMessage() + "), a newer one is whole; kept aside");
      }
    }
    return damaged;
  }

  /** The lines of metrics up to a checkpoint; null in those of older versions. */
  static List<String> metrics(TensorFile checkpoint) {
    JsonNode lines = checkpoint.header().path("metrics");
    return lines.isArray() ? lines.valueStream().map(JsonNode::asString).toList() : null;
  }

  private void compare(Path file, JsonNode saved) {
    Map<String, String> there = new LinkedHashMap<>();
    saved.properties().forEach(e -> there.put(e.getKey(), e.getValue().asString()));
    RunIdentity.require(
        file, there, identity.toMap(), "Use the same settings, model and data, or another output folder");
  }

  private Map<String, NativeFloats> tensors() {
    Map<String, NativeFloats> tensors = new LinkedHashMap<>();
    for (Parameter p : parameters) {
      tensors.put(p.name(), p.value());
    }
    for (Optimizer.State s : optimizer.states()) {
      tensors.put("optimizer." + s.name(), s.values());
    }
    tensors.putAll(more);
    return tensors;
  }

  private void delete(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      notes.accept("cannot delete the old checkpoint " + file + ": " + e.getMessage());
    }
  }
}
