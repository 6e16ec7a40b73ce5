package dev.sphere.cli.progress;

import dev.sphere.engine.Progress;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.function.LongSupplier;
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
  private final LongSupplier clock;
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
    this(command, err, System.console() != null && System.console().isTerminal(), LINE_SECONDS, System::nanoTime);
  }

  /** Visible for tests: with a clock of nanoseconds. */
  ProgressBars(String command, PrintWriter err, boolean terminal, double lineSeconds, LongSupplier clock) {
    this.clock = clock;
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
    this.begin = clock.getAsLong();
    this.last = 0;
    if (terminal) {
      bar = new ProgressBarBuilder()
          .setTaskName(task)
          .setUnit(" " + unit, 1)
          .setInitialMax(total == 0 ? -1 : total)
          .setStyle(ProgressBarStyle.ASCII)
          .setUpdateIntervalMillis((int) (1000 * BAR_SECONDS))
          .startsFrom(done, Duration.ZERO)
          .setConsumer(new ConsoleProgressBarConsumer(System.err, 110))
          .build();
    }
  }

  @Override
  public synchronized void at(int done, Supplier<String> detail) {
    double seconds = (clock.getAsLong() - begin) / 1e9;
    if (bar != null) {
      bar.stepTo(done);
      if (seconds - last >= BAR_SECONDS || done == total) {
        last = seconds;
        bar.setExtraMessage(words(done, detail, seconds));
      }
    } else if (seconds - last >= lineSeconds) {
      last = seconds;
      String words = words(done, detail, seconds);
      err.println(task + ": " + done + (total == 0 ? "" : "/" + total) + " " + unit + (words.isEmpty() ? "" : ", " + words));
      err.flush();
    }
  }

  /** The time that is left is that of the units up to now, times those that are left. */
  private String words(int done, Supplier<String> detail, double seconds) {
    String words = detail.get();
    if (done == first || done == total || total == 0) {
      return words;
    }
    String left = Progress.time(seconds / (done - first) * (total - done)) + " left";
    return words.isEmpty() ? left : words + ", " + left;
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
