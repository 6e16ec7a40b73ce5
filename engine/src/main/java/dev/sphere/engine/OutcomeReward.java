package dev.sphere.engine;

/** Decides whether a solution reaches the problem's known answer: the paper's ORM. */
@FunctionalInterface
public interface OutcomeReward {
  /**
   * @param problem the problem with its gold answer
   * @param solution the whole solution text
   * @return true when its final answer equals the gold answer
   */
  boolean correct(Problem problem, String solution);

  /** How good a solution is, in [0, 1]: 1 for a right one and 0 for any other, where nothing finer is known. */
  default double score(Problem problem, String solution) {
    return correct(problem, solution) ? 1 : 0;
  }
}
