package dev.sphere.engine.embedded;

import dev.sphere.engine.data.StepCase;
import dev.sphere.engine.data.StepCases;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Solutions of the validation problems with a known first wrong step: half of them right, half with one slip that is
 * carried through. Always the same ones. No model was trained on these problems.
 */
public final class StepCaseSource {
  /** The set's name. */
  public static final String NAME = "embedded:steps";

  /** How many there are. */
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
    List<StepCase> cases = new ArrayList<>();
    SplittableRandom random = new SplittableRandom(17);
    for (WordProblem p : WordProblems.distinct(WordProblems.Split.VALIDATION, 12, COUNT)) {
      String right = p.solution();
      boolean wrong = cases.size() % 2 == 1;
      String solution = wrong ? Slips.wrongSolution(p, random) : right;
      List<String> steps = Arrays.asList(solution.split("\n"));
      cases.add(new StepCase(p.toProblem("steps-" + cases.size()), steps, wrong ? firstDifference(right, steps) : -1,
          wrong ? "slip" : "gold"));
      if (cases.size() == n) {
        break;
      }
    }
    return cases;
  }

  /** Before the slip the two are the same, line by line. */
  private static int firstDifference(String right, List<String> steps) {
    String[] lines = right.split("\n");
    int i = 0;
    while (i < lines.length && i < steps.size() && lines[i].equals(steps.get(i))) {
      i++;
    }
    return Math.min(i, steps.size() - 1);
  }
}
