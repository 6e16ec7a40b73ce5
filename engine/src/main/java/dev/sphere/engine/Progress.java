package dev.sphere.engine;

import dev.sphere.engine.cost.Range;
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

  /**
   * Likewise, by one who knows better than the count how much time is left.
   *
   * @param left seconds, or null while nobody can know; asked for only when they are shown
   */
  default void at(int done, Supplier<String> detail, Supplier<Range> left) {
    at(done, detail);
  }

  /** Something worth a line: what was damaged and is computed again, a held-out loss. */
  default void note(String line) {}
}
