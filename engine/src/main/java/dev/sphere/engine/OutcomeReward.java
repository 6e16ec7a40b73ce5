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
}
