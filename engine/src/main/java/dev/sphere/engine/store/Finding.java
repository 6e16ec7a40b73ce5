package dev.sphere.engine.store;

import java.nio.file.Path;

/**
 * Something of a run that is missing or damaged.
 *
 * @param file the file
 * @param line its line, from 1; 0 when it is about the whole file
 * @param lost what is wrong with it
 * @param then what opening the run does about it; where that can do nothing, what its owner can do
 * @param mendable false when opening the run refuses it
 */
public record Finding(Path file, int line, String lost, String then, boolean mendable) {
  /** Something that opening the run puts right. */
  public static Finding mended(Path file, int line, String lost, String then) {
    return new Finding(file, line, lost, then, true);
  }

  /** Something that only the run's owner can put right. */
  public static Finding refused(Path file, String lost, String advice) {
    return new Finding(file, 0, lost, advice, false);
  }

  /** One plain line. */
  @Override
  public String toString() {
    String text = file + (line > 0 ? ", line " + line : "") + ": " + lost + "; " + then;
    return text.replaceAll("\\p{Cntrl}", "?"); // names come from files
  }
}
