package dev.sphere.cli.progress;

import dev.sphere.trainer.checkpoint.StepMetrics;
import dev.sphere.trainer.loop.TrainingListener;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** A training run's progress on stderr: a bar on a terminal, else a line every ten seconds. */
public final class TrainProgress implements TrainingListener, AutoCloseable {
  private static final double INTERVAL = 10;

  private final PrintWriter err;
  private final boolean terminal = System.console() != null && System.console().isTerminal();
  private ProgressBar bar;
  private long begin;
  private int first;
  private double lastLine;
  private final Sparkline curve = new Sparkline(24, System.console() == null
      ? StandardCharsets.US_ASCII
      : System.console().charset());

  public TrainProgress(PrintWriter err) {
    this.err = err;
  }

  @Override
  public void started(int firstStep, int totalSteps) {
    first = firstStep;
    begin = System.nanoTime();
    close();
    if (firstStep > 0) {
      note("going on after step " + firstStep + " of " + totalSteps);
    }
    bar = bar("train", totalSteps);
    if (bar != null) {
      bar.stepTo(firstStep);
    }
  }

  @Override
  public void reference(int done, int total) {
    if (done == 1) {
      bar = bar("reference", total);
    }
    if (bar != null) {
      bar.stepTo(done);
    }
  }

  @Override
  public void step(StepMetrics m, int totalSteps) {
    if (m.values().containsKey("eval_loss")) {
      note("step " + m.step() + ": held out, loss %.4f".formatted(m.get("eval_loss"))
          + (m.values().containsKey("eval_rewards/accuracies")
              ? ", accuracy %.2f".formatted(m.get("eval_rewards/accuracies")) : ""));
    }
    if (!m.values().containsKey("loss")) {
      return;
    }
    curve.add(m.get("loss"));
    if (bar != null) {
      bar.stepTo(m.step());
      bar.setExtraMessage(words(m) + " " + curve);
      return;
    }
    double seconds = (System.nanoTime() - begin) / 1e9;
    if (seconds - lastLine >= INTERVAL || m.step() == totalSteps) {
      lastLine = seconds;
      double left = seconds / (m.step() - first) * (totalSteps - m.step());
      note("step " + m.step() + "/" + totalSteps + words(m) + ", " + Math.round(left) + " s left"
          + (m.step() == totalSteps ? ", the loss: " + curve : ""));
    }
  }

  private static String words(StepMetrics m) {
    String margin = m.values().containsKey("rewards/margins")
        ? ", margin %.3f, accuracy %.2f".formatted(m.get("rewards/margins"), m.get("rewards/accuracies"))
        : "";
    return " loss %.4f%s, %.0f tokens/s".formatted(m.get("loss"), margin, m.get("tokens_per_second"));
  }

  @Override
  public void checkpoint(Path file) {
    // Routine: nothing to say.
  }

  @Override
  public void note(String line) {
    err.println("train: " + line);
    err.flush();
  }

  private ProgressBar bar(String task, int total) {
    return !terminal ? null
        : new ProgressBarBuilder()
            .setTaskName(task)
            .setUnit(" steps", 1)
            .setInitialMax(total)
            .setStyle(ProgressBarStyle.ASCII)
            .setUpdateIntervalMillis(500)
            .startsFrom(0, Duration.ZERO)
            .build();
  }

  @Override
  public void close() {
    if (bar != null) {
      bar.close();
      bar = null;
    }
  }
}
