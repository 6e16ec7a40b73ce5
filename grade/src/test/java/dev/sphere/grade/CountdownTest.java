package dev.sphere.grade;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CountdownTest {
  private final AnswerGrader grader = new AnswerGrader();

  private Verdict reach88(String solution) {
    return grader.gradeCountdown("88", "3, 4, 25, 4", solution);
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
      "(25-3)*4            | reaches the target with the given numbers",
      "4*25-3*4            | reaches the target with the given numbers",
      "(25-3)*4=88         | reaches the target with the given numbers",
      "4 \\times (25 - 3)  | reaches the target with the given numbers",
      "4 × (25 − 3)        | reaches the target with the given numbers",
      "\\frac{4}{4}*88     | uses a number that is not given, or one too often",
      "88                  | uses a number that is not given, or one too often",
      "25*3+4+4+4+1        | uses a number that is not given, or one too often",
      "4*25-3-3-3-3        | uses a number that is not given, or one too often",
      "25*4-3              | misses the target",
      "25*4-3=88           | misses the target",
      "(25-3)*4=87         | no arithmetic of whole numbers",
      "25/(4-4)            | no arithmetic of whole numbers",
      "25*3.0+4            | no arithmetic of whole numbers",
      "4^3+25              | no arithmetic of whole numbers",
      "eighty-eight        | uses a number that is not given, or one too often",
      "25 +* 3             | not readable as mathematics"})
  void readsTheExpression(String answer, String how) {
    Verdict v = reach88("Let us see.\nThe answer is \\boxed{" + answer + "}.");
    assertEquals(how, v.how());
    assertEquals(how.startsWith("reaches"), v.equal());
  }

  @Test
  void dividesExactly() {
    assertTrue(grader.gradeCountdown("24", "8, 3, 8, 3", "\\boxed{8/(3-8/3)}").equal());
    assertTrue(grader.gradeCountdown("24", "8, 3, 8, 3", "\\boxed{\\frac{8}{3-\\frac{8}{3}}}").equal());
    assertFalse(grader.gradeCountdown("24", "8, 3, 8, 3", "\\boxed{8/3*8+3}").equal());
  }

  @Test
  void theTargetItselfIsNoAnswer() {
    assertFalse(reach88("The answer is \\boxed{88}.").equal());
    assertEquals("no answer found", reach88("").how());
  }
}
