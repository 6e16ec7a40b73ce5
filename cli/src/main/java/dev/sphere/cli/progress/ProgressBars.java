package dev.sphere.cli.progress;

import dev.sphere.engine.Progress;
import java.io.PrintStream;
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
  private final Line line; // null when nobody watches
  private final double lineSeconds;
  private final LongSupplier clock;
  private ProgressBar bar; // null between tasks and when nobody watches
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
    this(command, err, System.console() != null && System.console().isTerminal() ? new Line(System.err, -1) : null,
        LINE_SECONDS, System::nanoTime);
  }

  /** Visible for tests: with a clock of nanoseconds, and with the bar's line or null. */
  ProgressBars(String command, PrintWriter err, Line line, double lineSeconds, LongSupplier clock) {
    this.clock = clock;
    this.command = command;
    this.err = err;
    this.line = line;
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
    if (line != null) {
      bar = new ProgressBarBuilder()
          .setTaskName(task)
          .setUnit(" " + unit, 1)
          .setInitialMax(total)
          .setStyle(ProgressBarStyle.ASCII)
          .setUpdateIntervalMillis((int) (1000 * BAR_SECONDS))
          .startsFrom(done, Duration.ZERO)
          .hideEta() // the words say how long
          .setConsumer(line)
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
      err.println(task + ": " + done + "/" + total + " " + unit + (words.isEmpty() ? "" : ", " + words));
      err.flush();
    }
  }

  /** The time that is left is that of the units up to now, times those that are left. */
  private String words(int done, Supplier<String> detail, double seconds) {
    String words = detail.get();
    if (done == first || done == total) {
      return words;
    }
    String left = Progress.time(seconds / (done - first) * (total - done)) + " left";
    return words.isEmpty() ? left : words + ", " + left;
  }

  @Override
  public synchronized void note(String text) {
    if (bar == null) {
      err.println(command + ": " + text);
      err.flush();
    } else {
      line.above(err, command + ": " + text);
    }
  }

  @Override
  public synchronized void close() {
    if (bar != null) {
      bar.close();
      bar = null;
    }
  }

  /** The line of the terminal on which a bar is drawn. Bar and notes take turns, so that each has a line of its own. */
  static final class Line extends ConsoleProgressBarConsumer {
    private final PrintStream screen;

    /** @param width in characters; -1: the terminal's, less its last column */
    Line(PrintStream screen, int width) {
      super(screen, width);
      this.screen = screen;
    }

    @Override
    public synchronized void accept(String drawn) {
      super.accept(drawn);
    }

    /** Puts a note where the bar is; the bar is drawn again below it. */
    synchronized void above(PrintWriter err, String note) {
      screen.print("\r" + " ".repeat(getMaxRenderedLength()) + "\r");
      screen.flush();
      err.println(note);
      err.flush();
    }
  }
}
