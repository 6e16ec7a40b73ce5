package dev.sphere.cli.progress;

import dev.sphere.engine.Progress;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Locale;
import java.util.function.Supplier;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** Shows a command's progress on stderr: a bar on a terminal, else a line every ten seconds. */
public final class ProgressBars implements Progress, AutoCloseable {
  private static final double LINE_SECONDS = 10;
  private static final double BAR_SECONDS = 0.5;

  private final String command;
  private final PrintWriter err;
  private final boolean terminal;
  private final double lineSeconds;
  private ProgressBar bar; // null when nobody watches
  private String task;
  private String unit;
  private int first;
  private int total;
  private long begin;
  private double last;

  /**
   * @param command stands before its notes
   * @param err where lines go; bars go to the process's stderr
   */
  public ProgressBars(String command, PrintWriter err) {
    this(command, err, System.console() != null && System.console().isTerminal(), LINE_SECONDS);
  }

  /** Visible for tests. */
  ProgressBars(String command, PrintWriter err, boolean terminal, double lineSeconds) {
    this.command = command;
    this.err = err;
    this.terminal = terminal;
    this.lineSeconds = lineSeconds;
  }

  @Override
  public synchronized void begin(String task, String unit, int done, int total) {
    close();
    this.task = task;
    this.unit = unit;
    this.first = done;
    this.total = total;
    this.begin = System.nanoTime();
    this.last = 0;
    if (terminal) {
      bar = new ProgressBarBuilder()
          .setTaskName(task)
          .setUnit(" " + unit, 1)
          .setInitialMax(total)
          .setStyle(ProgressBarStyle.ASCII)
          .setUpdateIntervalMillis((int) (1000 * BAR_SECONDS))
          .startsFrom(done, Duration.ZERO)
          .setConsumer(new ConsoleProgressBarConsumer(System.err, 110))
          .build();
    }
  }

  @Override
  public synchronized void at(int done, Supplier<String> detail) {
    double seconds = (System.nanoTime() - begin) / 1e9;
    if (bar != null) {
      bar.stepTo(done);
      if (seconds - last >= BAR_SECONDS || done == total) {
        last = seconds;
        bar.setExtraMessage(detail.get());
      }
    } else if (seconds - last >= lineSeconds) {
      last = seconds;
      String words = detail.get();
      err.println(task + ": " + done + "/" + total + " " + unit + (words.isEmpty() ? "" : ", " + words)
          + (done == first ? "" : String.format(Locale.ROOT, ", %.0f s left", seconds / (done - first) * (total - done))));
      err.flush();
    }
  }

  @Override
  public synchronized void note(String line) {
    err.println(command + ": " + line);
    err.flush();
  }

  @Override
  public synchronized void close() {
    if (bar != null) {
      bar.close();
      bar = null;
    }
  }
}
