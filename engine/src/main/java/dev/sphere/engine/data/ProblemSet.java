package dev.sphere.engine.data;

import dev.sphere.engine.Problem;
import java.util.List;

/**
 * The problems of a file.
 *
 * @param source what was read: a path or an embedded set's name
 * @param problems in the order of the file
 * @param skipped rows that were left out, with what is wrong with them; empty unless bad rows are to be skipped
 */
public record ProblemSet(String source, List<Problem> problems, List<BadRow> skipped) {
  /**
   * A row that is no problem.
   *
   * @param line its line (JSON lines) or its number among the rows, counted from 1
   * @param reason what is wrong with it
   */
  public record BadRow(long line, String reason) {}

  public ProblemSet {
    problems = List.copyOf(problems);
    skipped = List.copyOf(skipped);
  }
}
