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
 * Keeps TensorBoard's event file beside a run's metrics.jsonl, and writes the report at its end. Both are made of the
 * metrics alone: a resumed run begins the event file with what the metrics hold up to its checkpoint. Hands everything on
 * to another listener.
 */
public final class RunTracker implements TrainingListener, AutoCloseable {
  /** Where TensorBoard finds a run, within its folder. */
  public static final String EVENTS = "tensorboard/events.out.tfevents.0.sphere";

  /** Steps over which the chosen completions' log-probabilities are watched. */
  private static final int WATCHED = 10;
  /** Part of a log-probability; what falls by more is told. */
  private static final double FALL = 0.3;

  private final Path folder;
  private final double beta;
  private final TrainingListener next;
  private final ArrayDeque<double[]> chosen = new ArrayDeque<>(); // log π and log π_ref, a step each
  private boolean told;
  private TensorBoardLog events;

  /**
   * @param folder the run's
   * @param beta of the preference loss; 0 where there is none
   * @param next hears everything too
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
   * Says once when the chosen completions have become much less likely. The preference loss looks at the margin alone, so both
   * sides may fall, the chosen one into text that was never seen ("likelihood displacement", Razin et al., arXiv 2410.08847).
   */
  private void watchChosen(Map<String, Double> values) {
    if (told || beta <= 0 || !values.containsKey("rewards/chosen") || !values.containsKey("logps/chosen")) {
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
      told = true;
      next.note(String.format(Locale.ROOT, "the chosen completions become less likely: over the last %d steps their log-probability is %.1f, the "
          + "reference's %.1f. If answers get worse or run on, train with --loss sigmoid,sft, a lower --learning-rate or fewer steps",
          WATCHED, now / WATCHED, reference / WATCHED));
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
