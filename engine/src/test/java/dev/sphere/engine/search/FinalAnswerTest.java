package dev.sphere.engine.search;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.SolutionMarker;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A path ends where its text states an answer; AnswerExtractorTest in grade has more such texts. */
class FinalAnswerTest {
  @ParameterizedTest
  @ValueSource(strings = {
      "#### Step 1: Find the total\n", "#### **Step 2: divide**\n", "#### 1. Read the problem\n", "#### Solution\n",
      "##### 5\n", "Put your answer within \\boxed{}.", "in \\boxed{...}", "in \\boxed{\\text{final answer}}", "####\n",
      "We write \\boxed"})
  void headingsAndEmptyBoxesEndNothing(String text) {
    assertFalse(FinalAnswer.in(text), text);
    assertFalse(FinalAnswer.stop(SolutionMarker.NONE, "").stop(text, 0), text);
  }

  @ParameterizedTest
  @ValueSource(strings = {
      "so \\boxed{5}", "so \\boxed {\\frac{1}{2}}", "#### 5\n", "it is\n #### -1/2\n", "#### $3.50\n",
      "#### \\frac12\n", "#### (1, 2)\n", "#### 12 apples\n", "#### Step 1: a\n#### 7\n", "in \\boxed{}: \\boxed{7}"})
  void statedAnswersEndThePath(String text) {
    assertTrue(FinalAnswer.in(text), text);
    assertTrue(FinalAnswer.stop(SolutionMarker.NONE, "").stop(text, 0), text);
  }
}
