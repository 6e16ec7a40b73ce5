package dev.sphere.trainer.output;

import dev.sphere.base.PlainFile;
import dev.sphere.trainer.checkpoint.MetricsLog;
import dev.sphere.trainer.checkpoint.StepMetrics;
import dev.sphere.trainer.data.RowReport;
import dev.sphere.trainer.loop.TrainingListener;
import dev.sphere.trainer.loop.TrainingResult;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Writes TensorBoard's event file during a run and the report at its end, both from the metrics alone: a resumed run
 * begins the event file with the lines of metrics.jsonl. Passes every call on to another listener.
 */
public final class RunTracker implements TrainingListener, AutoCloseable {
  /** The event file within a run's folder. */
  public static final String EVENTS = "tensorboard/events.out.tfevents.0.sphere";

  /** Steps over which the chosen completions' log-probabilities are averaged. */
  private static final int WATCHED = 10;
  /** A fall by more than this part of the reference's log-probability is noted. */
  private static final double FALL = 0.3;

  private final Path folder;
  private final double beta;
  private final TrainingListener next;
  private final ArrayDeque<double[]> chosen = new ArrayDeque<>(); // log π and log π_ref, a step each
  private boolean noted;
  private TensorBoardLog events;

  /**
   * @param folder the run's folder
   * @param beta of the preference loss; 0 for other objectives
   * @param next receives every call
   */
  public RunTracker(Path folder, double beta, TrainingListener next) {
    this.folder = folder;
    this.beta = beta;
    this.next = next;
  }

  @Override
  public void started(int firstStep, int totalSteps) {
    Path file = folder.resolve(EVENTS);
    try {
      PlainFile.requireFolders(folder, file.getParent());
    } catch (IOException e) {
      throw new UncheckedIOException(e.getMessage(), e);
    }
    events = new TensorBoardLog(file);
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
    watchChosen(metrics.values());
  }

  /**
   * Notes once that the chosen completions have become much less likely. A preference loss depends on the margin
   * alone, so the probabilities of both sides may fall ("likelihood displacement", Razin et al., arXiv 2410.08847).
   */
  private void watchChosen(Map<String, Double> values) {
    if (noted || beta <= 0 || !values.containsKey("rewards/chosen") || !values.containsKey("logps/chosen")) {
      return;
    }
    double logp = values.get("logps/chosen");
    chosen.add(new double[] {logp, logp - values.get("rewards/chosen") / beta});
    if (chosen.size() > WATCHED) {
      chosen.remove();
    }
    double now = chosen.stream().mapToDouble(c -> c[0]).sum();
    double reference = chosen.stream().mapToDouble(c -> c[1]).sum();
    if (chosen.size() == WATCHED && now < reference * (1 + FALL)) {
      noted = true;
      next.note(String.format(Locale.ROOT, "the chosen completions become less likely: over the last %d steps their "
          + "log-probability is %.1f, the reference's %.1f. If answers get worse or run on, train with --loss "
          + "sigmoid,sft, a lower --learning-rate or fewer steps", WATCHED, now / WATCHED, reference / WATCHED));
    }
  }

  @Override
  public void checkpoint(Path file) {
    next.checkpoint(file);
  }

  @Override
  public void note(String line) {
    next.note(line);
  }

  /** TensorBoard groups scalars by the prefix before a slash. */
  private void write(StepMetrics m) {
    Map<String, Double> scalars = new LinkedHashMap<>();
    scalars.put("train/epoch", m.epoch());
    m.values().forEach((name, value) -> scalars.put(
        name.startsWith("eval_") ? "eval/" + name.substring(5) : "train/" + name, value));
    events.write(m.step(), scalars);
  }

  /** Writes report.html. */
  public Path report(TrainingResult result, List<Sample> samples, RowReport rows) {
    return HtmlReport.write(folder.resolve("report.html"), metrics(folder), result, samples, rows);
  }

  /** All whole lines of a run's metrics.jsonl. */
  static List<StepMetrics> metrics(Path folder) {
    List<StepMetrics> all = new ArrayList<>();
    for (String line : MetricsLog.read(MetricsLog.in(folder))) {
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
