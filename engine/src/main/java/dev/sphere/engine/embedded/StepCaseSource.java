package dev.sphere.engine.embedded;

import dev.sphere.engine.data.StepCase;
import dev.sphere.engine.data.StepCases;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Solutions of the validation problems with a known first wrong step: half of them right, half with one slip that is
 * carried through. No model was trained on these problems.
 */
public final class StepCaseSource {
  /** The set's name. */
  public static final String NAME = "embedded:steps";

  /** Number of cases. */
  public static final int COUNT = 1000;

  private StepCaseSource() {}

  /**
   * Reads step cases.
   *
   * @param source {@link #NAME}, or the path of a file in ProcessBench's format
   * @param limit most cases; 0 takes all
   * @throws IllegalArgumentException when there is no such file, or as {@link StepCases#read}
   */
  public static List<StepCase> read(String source, int limit) {
    if (source.equals(NAME)) {
      return cases(limit == 0 ? COUNT : limit);
    }
    if (!Files.isRegularFile(Path.of(source))) {
      throw new IllegalArgumentException("step cases " + source + ": there is no such file; give one in ProcessBench's "
          + "format, or " + NAME);
    }
    return StepCases.read(source, limit);
  }

  /** The first {@code n} cases. */
  public static List<StepCase> cases(int n) {
    return EmbeddedRows.read(NAME, StepCase.class).stream().limit(n).toList();
  }
}
