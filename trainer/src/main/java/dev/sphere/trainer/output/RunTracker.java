package dev.sphere.trainer.output;

import dev.sphere.trainer.checkpoint.StepMetrics;
import dev.sphere.trainer.data.RowReport;
import dev.sphere.trainer.loop.TrainingListener;
import dev.sphere.trainer.loop.TrainingResult;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Keeps TensorBoard's event file beside a run's metrics.jsonl, and writes the report at its end. Both are made of the
 * metrics alone: a resumed run begins the event file with what the metrics hold up to its checkpoint. Hands everything on
 * to another listener.
 */
public final class RunTracker implements TrainingListener, AutoCloseable {
  /** Where TensorBoard finds a run, within its folder. */
  public static final String EVENTS = "tensorboard/events.out.tfevents.0.sphere";

  private final Path folder;
  private final TrainingListener next;
  private TensorBoardLog events;

  /**
   * @param folder the run's
   * @param next hears everything too
   */
  public RunTracker(Path folder, TrainingListener next) {
    this.folder = folder;
    this.next = next;
  }

  @Override
  public void started(int firstStep, int totalSteps) {
    events = new TensorBoardLog(folder.resolve(EVENTS));
    for (StepMetrics m : metrics(folder)) {
      write(m);
    }
    next.started(firstStep, totalSteps);
  }

  @Override
  public void reference(int done, int total) {
    next.reference(done, total);
  }

  @Override
  public void step(StepMetrics metrics, int totalSteps) {
    write(metrics);
    next.step(metrics, totalSteps);
  }

  @Override
  public void checkpoint(Path file) {
    next.checkpoint(file);
  }

  @Override
  public void note(String line) {
    next.note(line);
  }

  /** TensorBoard groups by what stands before a slash. */
  private void write(StepMetrics m) {
    Map<String, Double> scalars = new LinkedHashMap<>();
    scalars.put("train/epoch", m.epoch());
    m.values().forEach((name, value) -> scalars.put(
        name.startsWith("eval_") ? "eval/" + name.substring(5) : "train/" + name, value));
    events.write(m.step(), scalars);
  }

  /**
   * Writes report.html.
   *
   * @param samples a few of the rows
   * @return the file
   */
  public Path report(TrainingResult result, List<Sample> samples, RowReport rows) {
    return HtmlReport.write(folder.resolve("report.html"), metrics(folder), result, samples, rows);
  }

  /** All lines of a run's metrics.jsonl; a line that a crash has torn is passed over. */
  static List<StepMetrics> metrics(Path folder) {
    List<StepMetrics> all = new ArrayList<>();
    Path file = folder.resolve("metrics.jsonl");
    try {
      for (String line : Files.exists(file) ? Files.readAllLines(file) : List.<String>of()) {
        try {
          JsonNode row = JsonMapper.shared().readTree(line);
          Map<String, Double> values = new LinkedHashMap<>();
          row.properties().forEach(e -> values.put(e.getKey(), e.getValue().asDouble()));
          values.remove("step");
          values.remove("epoch");
          all.add(new StepMetrics(row.path("step").asInt(), row.path("epoch").asDouble(), values));
        } catch (JacksonException torn) {
          continue;
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file + ": " + e.getMessage(), e);
    }
    return all;
  }

  @Override
  public void close() {
    if (events != null) {
      events.close();
      events = null;
    }
  }
}
