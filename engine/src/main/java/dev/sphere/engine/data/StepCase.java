package dev.sphere.engine.data;

import dev.sphere.engine.Problem;
import java.util.List;

/**
 * A solution whose first wrong step is known: ProcessBench's unit (arXiv 2412.06559).
 *
 * @param problem the problem; its answer is empty where the file does not tell it
 * @param steps the solution's steps
 * @param label index of the first wrong step; -1 when every step is right
 * @param generator what wrote the solution; empty where the file does not tell
 */
public record StepCase(Problem problem, List<String> steps, int label, String generator) {
  public StepCase {
    steps = List.copyOf(steps);
    if (steps.isEmpty() || label < -1 || label >= steps.size()) {
      throw new IllegalArgumentException("label " + label + " of " + steps.size() + " steps");
    }
  }
}
