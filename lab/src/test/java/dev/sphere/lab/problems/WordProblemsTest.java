package dev.sphere.lab.problems;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.lab.problems.WordProblem.Operand;
import dev.sphere.lab.problems.WordProblem.Step;
import dev.sphere.lab.problems.WordProblems.Split;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class WordProblemsTest {
  private static final Pattern SUM = Pattern.compile("(\\d+)([-+*/])(\\d+)=(\\d+)");
  private static final Pattern BOXED = Pattern.compile("\\\\boxed\\{(\\d+)}");

  @Test
  void aSolutionIsWrittenStepByStep() {
    WordProblem p = new WordProblem("cards", "Tom has 3 boxes of 4 cards and loses 5. How many are left?",
        List.of(3, 4, 5),
        List.of(
            new Step("Tom has", Operand.given(3), '*', Operand.given(4), " cards."),
            new Step("What is left is", new Operand(12, 0), '-', Operand.given(5), " cards.")));
    assertEquals(7, p.answer());
    assertEquals("Tom has 3*4=12 cards.\nWhat is left is 12-5=7 cards.\nThe answer is \\boxed{7}.", p.solution());
    assertEquals("What is left is 3*4-5=7 cards.\nThe answer is \\boxed{7}.", p.hastySolution());
  }

  @Test
  void everyLineOfASolutionIsTrue() {
    for (WordProblem p : WordProblems.distinct(Split.SFT, 3, 3000)) {
      List<String> lines = p.solution().lines().toList();
      assertTrue(p.steps().size() >= 2 && p.steps().size() <= 5, p.solution());
      assertEquals(p.steps().size() + 1, lines.size(), p.solution());
      String last = null;
      for (String line : lines.subList(0, lines.size() - 1)) {
        Matcher m = SUM.matcher(line);
        assertTrue(m.find(), line);
        int a = Integer.parseInt(m.group(1));
        int b = Integer.parseInt(m.group(3));
        int r = Integer.parseInt(m.group(4));
        assertTrue(r > 0, line);
        switch (m.group(2)) {
          case "+" -> assertEquals(a + b, r, line);
          case "-" -> assertEquals(a - b, r, line);
          case "*" -> assertEquals(a * b, r, line);
          default -> assertEquals(a, r * b, line);
        }
        last = m.group(4);
      }
      assertEquals("The answer is \\boxed{" + last + "}.", lines.getLast());
      assertEquals(p.answer(), Integer.parseInt(last));
      for (int n : p.numbers()) {
        assertTrue(p.question().contains(Integer.toString(n)), p.question());
      }
      assertTrue(p.hastySolution().endsWith(lines.getLast()));
    }
  }

  @Test
  void slipsEndInAWrongAnswer() {
    SplittableRandom random = new SplittableRandom(4);
    for (WordProblem p : WordProblems.distinct(Split.SFT, 4, 2000)) {
      Matcher m = BOXED.matcher(Slips.wrongSolution(p, random));
      assertTrue(m.find());
      assertNotEquals(p.answer(), Integer.parseInt(m.group(1)));
    }
  }

  @Test
  void splitsShareNoProblem() {
    List<Set<String>> questions = Arrays.stream(Split.values())
        .map(s -> WordProblems.distinct(s, 5, 2000).stream().map(WordProblem::question).collect(Collectors.toSet()))
        .toList();
    for (int i = 0; i < questions.size(); i++) {
      assertEquals(2000, questions.get(i).size());
      for (int j = 0; j < i; j++) {
        Set<String> both = new HashSet<>(questions.get(i));
        both.retainAll(questions.get(j));
        assertTrue(both.isEmpty(), () -> "in two splits: " + both);
      }
    }
  }

  @Test
  void theSameSeedGivesTheSameProblems() {
    assertEquals(WordProblems.distinct(Split.TEST, 6, 100), WordProblems.distinct(Split.TEST, 6, 100));
    assertNotEquals(WordProblems.distinct(Split.TEST, 6, 100), WordProblems.distinct(Split.TEST, 7, 100));
  }
}
