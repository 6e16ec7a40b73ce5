package dev.sphere.engine.reward;

import dev.sphere.engine.OutcomeReward;
import dev.sphere.engine.Problem;
import dev.sphere.grade.AnswerGrader;
import dev.sphere.grade.Verdict;

/** The paper's outcome reward: grades a solution as its problem asks. Threads may share an instance. */
public final class GradedAnswers implements OutcomeReward {
  private final AnswerGrader grader = new AnswerGrader();

  @Override
  public boolean correct(Problem problem, String solution) {
    return grade(problem, solution).equal();
  }

  /**
   * Grades a solution against the problem's gold answer. A problem with metadata {@code nums} is a countdown game,
   * whose answer is an expression of these numbers. Metadata {@code error} (OlympiadBench) allows the answer an error.
   */
  public Verdict grade(Problem problem, String solution) {
    String numbers = problem.metadata().get("nums");
    return numbers != null ? grader.gradeCountdown(problem.answer(), numbers, solution)
        : grader.gradeWithin(problem.answer(), solution, problem.metadata().getOrDefault("error", ""));
  }
}
