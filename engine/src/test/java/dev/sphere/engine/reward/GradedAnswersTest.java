package dev.sphere.engine.reward;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.Problem;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** A problem's metadata say how its solutions are graded. */
class GradedAnswersTest {
  private final GradedAnswers reward = new GradedAnswers();

  @Test
  void theGoldAnswerDecides() {
    Problem problem = new Problem("p", "Reach 88.", "88");
    assertTrue(reward.correct(problem, "The answer is \\boxed{88}."));
    assertFalse(reward.correct(problem, "The answer is \\boxed{87}."));
  }

  @Test
  void numbersAskForAnExpression() {
    Problem problem = new Problem("c", "Reach 88.", "88", Map.of("nums", "3, 4, 25, 4"));
    assertTrue(reward.correct(problem, "The answer is \\boxed{(25-3)*4}."));
    assertFalse(reward.correct(problem, "The answer is \\boxed{88}."));
  }

  @Test
  void anErrorIsAllowedWhereItIsStated() {
    Problem problem = new Problem("o", "How long?", "2.50", Map.of("error", "0.1"));
    assertTrue(reward.correct(problem, "\\boxed{2.58}"));
    assertEquals("2.58", reward.grade(problem, "\\boxed{2.58}").pred());
    assertFalse(reward.correct(problem, "\\boxed{2.62}"));
    assertFalse(reward.correct(new Problem("o", "How long?", "2.50"), "\\boxed{2.58}"));
  }
}
