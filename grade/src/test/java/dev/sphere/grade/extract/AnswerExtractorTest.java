package dev.sphere.grade.extract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.grade.AnswerGrader;
import dev.sphere.grade.extract.AnswerExtractor.Extracted;
import dev.sphere.grade.extract.AnswerExtractor.Form;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AnswerExtractorTest {
  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
      "We add.\\n#### 1,234 | 1,234 | HASHES",
      "We add. #### -5 | -5 | HASHES",
      "#### **$12.50** | **$12.50** | HASHES",
      "#### x = 5\\nDone. | x = 5 | HASHES",
      "#### 36 apples | 36 apples | HASHES",
      "It is a day.\\n#### Monday | Monday | HASHES",
      "So \\boxed{7}. Put it within \\boxed{}. | 7 | BOX",
      "So \\boxed{7}. Write \\boxed{answer}, \\boxed{...} or \\boxed{\\text{your answer}}. | 7 | BOX",
      "The answer is 12 apples. | 12 apples. | MARKER",
      "The answer is 49 + 1 = 50 pages Lucy reads in 7 days. | 50 | MARKER",
      "So the answer is 48 days * 6 pages = 240 pages Sara reads in 6 days | 240 | MARKER",
      "The answer is 5 because 2 + 3 = 5, and no more than that is left for him. | 5 | MARKER",
      "42 | 42 | WHOLE",
      "We add 40 and 2.\\n42 | 42 | LINE",
      "We add 40 and 2.\\n**42** | 42 | LINE",
      "We add 40 and 2.\\n$42$ | 42 | LINE",
      "We add 40 and 2.\\n42 dollars. | 42 | LINE",
      "5 of the books would cost 24 dollars, not 15 dollars. | 15 | NUMBER",
      "So, 15 dollars is the total cost of 5 books. | 5 | NUMBER",
      "So we see that $x$ is then surely $12$ here. | 12 | MATH",
      "#### Step 1: add 3 and 4\\nThat makes 7 in all. | 7 | NUMBER",
      "#### Step 2 | 2 | NUMBER",
  })
  void formsOfAnswers(String text, String answer, Form form) {
    Extracted e = AnswerExtractor.extract(text.replace("\\n", "\n"));
    assertEquals(form, e.form());
    assertEquals(answer, e.answer());
    assertEquals(switch (form) {
      case BOX, HASHES, MARKER, WHOLE, LINE -> true;
      case MATH, NUMBER, SENTENCE, PROSE, NOTHING -> false;
    }, e.form().stated());
  }

  /** Models write these under way; each of them once ended a path, as if it were the answer. */
  @ParameterizedTest
  @ValueSource(strings = {
      "#### Step 1: Find the total\n", "#### Step 1\n", "#### **Step 2: divide**\n", "#### 1. Read the problem\n", "#### Solution\n",
      "#### a) First part\n", "#### Explanation:\n", "##### 5\n", "Put your answer within \\boxed{}.", "as \\boxed{ }", "in \\boxed{answer}",
      "in \\boxed{...}", "in \\boxed{\\text{final answer}}", "####\n", "We write \\boxed"})
  void headingsAndEmptyBoxesStateNothing(String text) {
    assertFalse(AnswerExtractor.states(text), text);
  }

  @ParameterizedTest
  @ValueSource(strings = {
      "so \\boxed{5}", "so \\fbox{x+1}", "so \\boxed {\\frac{1}{2}}", "#### 5\n", "it is\n #### -1/2\n", "#### $3.50\n", "#### \\frac12\n",
      "#### (1, 2)\n", "#### 12 apples\n", "#### Step 1: a\n#### 7\n", "in \\boxed{}: \\boxed{7}"})
  void boxesAndHashesStateAnAnswer(String text) {
    assertTrue(AnswerExtractor.states(text), text);
  }

  @Test
  void aHeadingIsNotGradedAsAnAnswer() {
    AnswerGrader grader = new AnswerGrader();
    assertFalse(grader.grade("1", "#### Step 1: count\nThere are 12.").equal());
    assertTrue(grader.grade("12", "#### Step 1: count\nThere are 12.").equal());
  }
}
