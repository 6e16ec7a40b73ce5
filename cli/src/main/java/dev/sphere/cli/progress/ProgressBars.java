package dev.sphere.cli.progress;

import dev.sphere.engine.Progress;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jline.terminal.TerminalBuilder;

/** Shows a command's progress on stderr: a bar on a terminal, else a line every ten seconds. */
public final class ProgressBars implements Progress, AutoCloseable {
  private static final double LINE_SECONDS = 10;
  private static final double BAR_SECONDS = 0.5;
  private static final int BAR = 20; // characters
  private static final int LEAST_COLUMNS = 20; // fewer are none: a terminal that tells no width

  private final String command;
  private final PrintWriter err;
  private final PrintStream screen; // null when nobody watches
  private final int width;
  private final double seconds;
  private final LongSupplier clock;
  private String task;
  private String unit;
  private int first;
  private int total;
  private long begin;
  private double last;
  private String drawn = ""; // the bar that stands on the terminal's last line

  /**
   * @param command stands before its notes
   * @param err where lines go; bars go to the process's stderr
   */
  public ProgressBars(String command, PrintWriter err) {
    this(command, err, System.console() != null && System.console().isTerminal() ? System.err : null);
  }

  private ProgressBars(String command, PrintWriter err, PrintStream screen) {
    this(command, err, screen, screen == null ? 0 : columns() - 1, screen == null ? LINE_SECONDS : BAR_SECONDS,
        System::nanoTime);
  }

  /**
   * Visible for tests.
   *
   * @param screen where bars are drawn; null for lines
   * @param width characters of a bar; a terminal's last column stays free, since some wrap there
   * @param seconds between two refreshes
   * @param clock in nanoseconds
   */
  ProgressBars(String command, PrintWriter err, PrintStream screen, int width, double seconds, LongSupplier clock) {
    this.clock = clock;
    this.command = command;
    this.err = err;
    this.screen = screen;
    this.width = width;
    this.seconds = seconds;
  }

  private static int columns() {
    try (var terminal = TerminalBuilder.builder().dumb(true).build()) {
      return terminal.getWidth() < LEAST_COLUMNS ? 80 : terminal.getWidth();
    } catch (IOException e) {
      return 80;
    }
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
    if (screen != null) {
      draw(done, "");
    }
  }

  @Override
  public synchronized void at(int done, Supplier<String> detail) {
    double now = (clock.getAsLong() - begin) / 1e9;
    if (now - last < seconds && !(screen != null && done == total)) {
      return;
    }
    last = now;
    String words = words(done, detail, now);
    if (screen != null) {
      draw(done, words);
    } else {
      err.println(task + ": " + done + (total == 0 ? "" : "/" + total) + " " + unit + (words.isEmpty() ? "" : ", " + words));
      err.flush();
    }
  }

  /** The time that is left is that of the units up to now, times those that are left. */
  private String words(int done, Supplier<String> detail, double now) {
    String words = detail.get();
    if (done == first || done == total || total == 0) {
      return words;
    }
    String left = Progress.time(now / (done - first) * (total - done)) + " left";
    return words.isEmpty() ? left : left + ", " + words;
  }

  /** Draws the bar over the one that stands there. */
  private void draw(int done, String words) {
    int full = total == 0 ? BAR : (int) ((long) BAR * done / total);
    String text = task + " [" + "=".repeat(full) + " ".repeat(BAR - full) + "] " + done + (total == 0 ? "" : "/" + total) + " " + unit
        + (words.isEmpty() ? "" : ", " + words);
    text = text.length() <= width ? text : text.substring(0, width - 3) + "...";
    screen.print("\r" + text + " ".repeat(Math.max(0, drawn.length() - text.length())));
    screen.flush();
    drawn = text;
  }

  /** A line of its own: where the bar is, which is drawn again below it. */
  @Override
  public synchronized void note(String line) {
    String bar = drawn;
    if (!bar.isEmpty()) {
      screen.print("\r" + " ".repeat(bar.length()) + "\r");
      screen.flush();
    }
    err.println(command + ": " + line);
    err.flush();
    if (!bar.isEmpty()) {
      screen.print(bar);
      screen.flush();
    }
  }

  @Override
  public synchronized void close() {
    if (!drawn.isEmpty()) {
      screen.println();
      drawn = "";
    }
  }
}
