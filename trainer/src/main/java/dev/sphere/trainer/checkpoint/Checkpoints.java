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
import tools.jackson.databind.json.JsonMapper;

/** The checkpoints of a run: {@code step-00000120.checkpoint} in one folder. */
public final class Checkpoints {
  /** The advice where every checkpoint is damaged. */
  static final String NONE_IS_WHOLE =
      "bring one back from a copy, or move them all away and train with --resume again, which begins anew";

  private final Path folder;
  private final Identity identity;
  private final List<Parameter> parameters;
  private final Optimizer optimizer;
  private final Consumer<String> notes;
  private final Map<String, NativeFloats> more;

  /**
   * The state of a run besides parameters and optimizer; the data order follows from the step and the seed.
   *
   * @param step optimizer steps made
   * @param tokens tokens trained on
   * @param file the checkpoint; null at the start of a run
   * @param pendingMetrics {@link MetricSums} since the last line of metrics
   * @param metrics the lines of metrics so far
   */
  public record Position(int step, long tokens, Path file, JsonNode pendingMetrics, List<String> metrics) {
    static final Position START = new Position(0, 0, null, JsonMapper.shared().createObjectNode(), List.of());
  }

  /**
   * @param notes takes one line for each damaged checkpoint
   * @param more arrays to save besides parameters and optimizer, by name
   */
  public Checkpoints(
      Path folder, Identity identity, List<Parameter> parameters, Optimizer optimizer, Consumer<String> notes,
      Map<String, NativeFloats> more) {
    this.folder = folder;
    this.identity = identity;
    this.parameters = parameters;
    this.optimizer = optimizer;
    this.notes = notes;
    this.more = more;
  }

  /**
   * Writes a checkpoint and deletes all but the newest {@code keepLast}.
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
    header.put("metrics", metrics);
    Path file = folder.resolve("step-%08d.checkpoint".formatted(step));
    TensorFile.write(file, header, tensors());
    List<Path> all = files(folder);
    for (Path old : all.subList(0, Math.max(0, all.size() - keepLast))) {
      delete(old);
    }
    return file;
  }

  /** All checkpoints in a folder, which need not exist, oldest first. */
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
   * Restores the newest checkpoint that is whole. Damaged ones are named and kept aside, so that they neither pass for
   * good ones nor count among the newest that are kept.
   *
   * @return the position of the run; step 0 when there is no checkpoint
   * @throws StoreException.Refused when it belongs to another run; the message names what differs
   */
  public Position restore() {
    List<Path> all = files(folder);
    List<Path> damaged = new ArrayList<>();
    for (int i = all.size() - 1; i >= 0; i--) {
      Path file = all.get(i);
      try {
        TensorFile opened = TensorFile.open(file);
        compare(file, opened.header().path("identity"));
        opened.restore(tensors());
        damaged.addAll(damaged(all.subList(0, i)));
        damaged.forEach(Damaged::move);
        JsonNode header = opened.header();
        optimizer.restoreSteps(header.path("optimizer_steps").asLong());
        return new Position(header.path("step").asInt(), header.path("num_tokens").asLong(), file,
            header.path("pending_metrics"), metrics(opened));
      } catch (IOException e) {
        damaged.add(file);
        notes.accept("the checkpoint " + file + " cannot be used (" + e.getMessage() + "); trying the one before");
      }
    }
    if (!all.isEmpty()) {
      throw new StoreException.Refused(
          "none of the " + all.size() + " checkpoints in " + folder + " can be used: " + NONE_IS_WHOLE);
    }
    return Position.START;
  }

  /** The damaged ones among checkpoints that are older than a whole one. */
  private List<Path> damaged(List<Path> older) {
    List<Path> damaged = new ArrayList<>();
    for (Path file : older) {
      try {
        TensorFile.open(file);
      } catch (IOException e) {
        damaged.add(file);
        notes.accept(
            "the checkpoint " + file + " is damaged (" + e.getMessage() + "), a newer one is whole; kept aside");
      }
    }
    return damaged;
  }

  /** The lines of metrics up to a checkpoint. */
  static List<String> metrics(TensorFile checkpoint) {
    return checkpoint.header().path("metrics").valueStream().map(JsonNode::asString).toList();
  }

  private void compare(Path file, JsonNode saved) {
    Map<String, String> there = new LinkedHashMap<>();
    saved.properties().forEach(e -> there.put(e.getKey(), e.getValue().asString()));
    RunIdentity.require(
        file, there, identity.toMap(), "Use the same settings, model and data, or another output folder");
  }

  private Map<String, NativeFloats> tensors() {
    Map<String, NativeFloats> tensors = new LinkedHashMap<>();
    parameters.forEach(p -> tensors.put(p.name(), p.value()));
    optimizer.states().forEach(s -> tensors.put("optimizer." + s.name(), s.values()));
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
