package dev.sphere.grade;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class AnswerGraderTest {
  private final AnswerGrader grader = new AnswerGrader();

  @Test
  void gradesAWholeSolutionAgainstTheGold() {
    String gold = "We add.\n#### 1,234";
    assertTrue(grader.grade(gold, "2 + 2 is 4.\nSo the total is \\boxed{1234}.").equal());
    assertTrue(grader.grade(gold, "So he has <<1000+234=1234>>1234 apples.\nA: 1234").equal());
    assertFalse(grader.grade(gold, "So the total is 1234, no, \\boxed{1235}.").equal());
    assertFalse(grader.grade(gold, "").equal());
  }

  @Test
  void saysHowItDecided() {
    assertEquals("same number", grader.grade("5", "5.0").how());
    assertEquals("same set of reals", grader.grade("(5,\\infty)", "x > 5").how());
    assertEquals("1/2", grader.grade("0.5", "The answer is \\fbox{1/2}").pred());
  }

  @Test
  void neverThrowsOnNothing() {
    assertFalse(grader.grade((String) null, "5").equal());
    assertFalse(grader.grade("5", null).equal());
    assertFalse(grader.grade("", "").equal());
  }
}
