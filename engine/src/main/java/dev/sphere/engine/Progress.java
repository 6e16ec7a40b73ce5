package dev.sphere.engine;

import java.util.Locale;
import java.util.function.Supplier;

/**
 * How far a piece of work is: searches, evaluations, trainings, comparisons and evolutions report here, and whoever
 * shows it (a bar, a line every ten seconds, nothing) implements this. One call at a time; the calls come from working
 * threads and must not block for long.
 */
public interface Progress {
  /** Shows nothing. */
  Progress NONE = new Progress() {};

  /**
   * A task begins; the one before it is over.
   *
   * @param task what is done, a word or two: "search", "reference"
   * @param unit what is counted, plural: "problems", "steps"
   * @param done how many were done by an earlier run: rate and time left are counted from here
   * @param total how many there are
   */
  default void begin(String task, String unit, int done, int total) {}

  /**
   * So many of the task's units are done, those of an earlier run included.
   *
   * @param detail a few words beside the count, asked for only when they are shown
   */
  default void at(int done, Supplier<String> detail) {}

  /** Something worth a line: what was damaged and is computed again, a held-out loss. */
  default void note(String line) {}

  /** A time for people, in a unit that suits it: "45 s", "7.5 min", "12 h". */
  static String time(double seconds) {
    String unit = seconds < 90 ? "s" : seconds < 5400 ? "min" : "h";
    double value = seconds < 90 ? seconds : seconds < 5400 ? seconds / 60 : seconds / 3600;
    return String.format(Locale.ROOT, !unit.equals("s") && value < 9.95 ? "%.1f %s" : "%.0f %s", value, unit);
  }
}
