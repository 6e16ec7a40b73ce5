package dev.sphere.lab.study;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.reward.GradedAnswers;
import dev.sphere.lab.problems.ChainProblem.Use;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TaskTest {
  private static final int COUNT = 100;

  private static List<StudyProblem> all(Task task, Use use) {
    List<StudyProblem> out = new ArrayList<>();
    for (int level = 1; level <= Task.LEVELS; level++) {
      out.addAll(task.distinct(level, use, COUNT, 5));
    }
    return out;
  }

  /** An evaluator of its own: precedence climbing in whole numbers, divisions exact. */
  private static final class Sum {
    private final String text;
    private int at;

    Sum(String text) {
      this.text = text;
    }

    static BigInteger of(String text) {
      Sum s = new Sum(text);
      BigInteger value = s.sum(0);
      assertEquals(text.length(), s.at, text);
      return value;
    }

    private BigInteger sum(int least) {
      BigInteger left = atom();
      while (at < text.length() && text.charAt(at) != ')' && rank(text.charAt(at)) >= least) {
        char op = text.charAt(at++);
        BigInteger right = sum(rank(op) + 1);
        left = switch (op) {
          case '+' -> left.add(right);
          case '-' -> left.subtract(right);
          case '*' -> left.multiply(right);
          default -> {
            BigInteger[] both = left.divideAndRemainder(right);
            assertEquals(BigInteger.ZERO, both[1], text);
            yield both[0];
          }
        };
      }
      return left;
    }

    private static int rank(char op) {
      return op == '*' || op == '/' ? 1 : 0;
    }

    private BigInteger atom() {
      if (text.charAt(at) == '(') {
        at++;
        BigInteger inner = sum(0);
        assertEquals(')', text.charAt(at++), text);
        return inner;
      }
      int from = at;
      while (at < text.length() && Character.isDigit(text.charAt(at))) {
        at++;
      }
      return new BigInteger(text.substring(from, at));
    }
  }

  /** The value of an expression digit by digit: each digit of its numbers of two digits is an expression for itself, modulo 10. */
  private static String digits(String expression) {
    StringBuilder out = new StringBuilder();
    for (String digit : List.of("$1", "$2")) {
      out.append(Sum.of(expression.replaceAll("(\\d)(\\d)", digit)).mod(BigInteger.TEN));
    }
    return out.toString();
  }

  private static long operations(String expression) {
    return expression.chars().filter(c -> "+-*".indexOf(c) >= 0).count();
  }

  private static void assertReduces(StudyProblem p, int operations) {
    String expression = p.question().replaceAll("^Reduce | digit by digit\\.$", "");
    assertEquals(operations, operations(expression), p.question());
    assertTrue(StudyCorpusTest.operands(p.question()) <= p.level() + 1, p.question());
    assertEquals(p.answer(), digits(expression), p.question());
    List<String> lines = p.solution().lines().toList();
    assertEquals(operations + 1, lines.size(), p.solution());
    for (int i = 0; i < operations; i++) {
      assertEquals(p.answer(), digits(lines.get(i)), lines.get(i));
      // One operation fewer on each line.
      assertEquals(operations - 1 - i, operations(lines.get(i)), lines.get(i));
    }
  }

  @Test
  void everyLineOfAChainIsWorthTheAnswer() {
    for (StudyProblem p : all(Task.CHAIN, Use.TEST)) {
      assertReduces(p, p.level());
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"CHAIN", "BIND"})
  void idleOperationsMakeAProblemLongerAndNoHarder(Task task) {
    SplittableRandom random = new SplittableRandom(3);
    for (int i = 0; i < 500; i++) {
      int level = random.nextInt(1, Task.TRAINED + 1);
      StudyProblem p = task.next(level, i % 9, Use.SFT, random);
      if (task == Task.CHAIN) {
        assertReduces(p, level + i % 9);
      } else {
        assertBinds(p, level + i % 9);
      }
    }
  }

  private static void assertBinds(StudyProblem p, int operations) {
    List<String> parts = p.question().lines().toList();
    List<String> assignments = parts.subList(1, parts.size() - 1);
    Map<String, String> known = new HashMap<>();
    for (int round = 0; round < assignments.size(); round++) {
      for (String assignment : assignments) {
        String[] sides = assignment.split("=");
        String right = values(sides[1], known);
        if (right.chars().noneMatch(Character::isLetter)) {
          known.put(sides[0], digits(right));
        }
      }
    }
    assertEquals(assignments.size(), known.size(), p.question());
    String asked = parts.getLast().replace("=?", "");
    assertEquals(p.answer(), known.get(asked), p.question());
    // The solution: all that the answer needs is looked up, from the name asked for back to the numbers; then each name is calculated from ones that are there.
    List<String> lines = p.solution().lines().toList();
    List<String> found = lines.subList(0, operations + 2);
    assertTrue(assignments.containsAll(found), p.solution());
    assertTrue(found.getFirst().startsWith(asked + "="), p.solution());
    assertTrue(found.subList(0, operations).stream().filter(line -> !line.matches(".=.(\\+00|-00|\\*1)")).count() <= p.level(), p.solution());
    Map<String, String> said = new HashMap<>();
    for (int i = found.size() - 1; i >= found.size() - 2; i--) {
      String[] sides = found.get(i).split("=");
      said.put(sides[0], sides[1]);
    }
    assertEquals(2 * operations + 3, lines.size(), p.solution());
    for (int i = 0; i < operations; i++) {
      String[] up = found.get(operations - 1 - i).split("=");
      String[] sides = lines.get(operations + 2 + i).split("=");
      assertEquals(up[0], sides[0], p.solution());
      assertEquals(values(up[1], said), sides[1], p.solution());
      assertEquals(digits(sides[1]), sides[2], p.solution());
      said.put(sides[0], sides[2]);
    }
    assertEquals(found.size(), said.size(), "each name once: " + p.solution());
    assertEquals(p.answer(), said.get(asked));
  }

  private static String values(String expression, Map<String, String> known) {
    for (Map.Entry<String, String> e : known.entrySet()) {
      expression = expression.replace(e.getKey(), e.getValue());
    }
    return expression;
  }

  @Test
  void aBindIsSolvedByItsAssignmentsInAnyOrder() {
    for (StudyProblem p : all(Task.BIND, Use.TEST)) {
      assertBinds(p, p.level());
    }
  }

  @Test
  void aCountdownReachesItsTarget() {
    int[] numbers = {3, 3, 3, 4, 4, 4, 5, 5, 6, 6};
    for (StudyProblem p : all(Task.COUNTDOWN, Use.TEST)) {
      assertReaches(p);
      assertEquals(numbers[p.level() - 1], p.nums().size());
      assertFalse(p.nums().contains(0), p.question());
    }
    SplittableRandom random = new SplittableRandom(3);
    for (int idle = 0; idle < 6; idle++) {
      StudyProblem p = Task.COUNTDOWN.next(1 + idle % 3, idle, Use.SFT, random);
      assertReaches(p);
      assertEquals(Math.min(3 + idle, 6), p.nums().size());
      assertEquals(3, p.nums().stream().filter(n -> n > 0).count());
    }
  }

  private static void assertReaches(StudyProblem p) {
    List<String> lines = p.solution().lines().toList();
    assertEquals(p.nums().size(), lines.size(), p.solution());
    String expression = lines.getLast().replaceAll("^The answer is \\\\boxed\\{|\\}\\.$", "");
    assertEquals(p.answer(), Sum.of(expression).toString(), expression);
    List<String> used = new ArrayList<>(List.of(expression.replaceAll("[^0-9]+", " ").strip().split(" ")));
    p.nums().forEach(n -> assertTrue(used.remove(n.toString()), expression));
    assertEquals(List.of(), used, expression);
    for (String line : lines.subList(0, lines.size() - 1)) {
      String[] sides = line.split(",")[0].split("=");
      assertEquals(sides[1], Sum.of(sides[0]).toString(), line);
    }
    }

  @ParameterizedTest
  @EnumSource(Task.class)
  void theSolutionIsRightAndTheSlipIsWrong(Task task) {
    GradedAnswers grader = new GradedAnswers();
    for (StudyProblem p : all(task, Use.SEARCH)) {
      assertTrue(grader.correct(p.toProblem("p"), p.solution()), p.solution());
      assertFalse(grader.correct(p.toProblem("p"), p.wrong()), p.wrong());
    }
  }

  @ParameterizedTest
  @EnumSource(Task.class)
  void usesShareNoProblemAndASeedIsASeed(Task task) {
    Map<String, Use> seen = new HashMap<>();
    for (Use use : Use.values()) {
      for (StudyProblem p : all(task, use)) {
        assertEquals(use, seen.merge(p.question(), use, (before, now) -> before), p.question());
      }
    }
    assertTrue(seen.size() > 3000, "" + seen.size());
    assertEquals(all(task, Use.SEARCH), all(task, Use.SEARCH));
    SplittableRandom other = new SplittableRandom(77);
    assertFalse(all(task, Use.SEARCH).contains(task.next(9, Use.SEARCH, other)));
  }
}
