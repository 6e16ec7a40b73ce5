package dev.sphere.lab.study;

import dev.sphere.lab.problems.ChainProblem;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;

/**
 * Countdown: {@code Use 3, 25, 4 to reach 88.} Each number may be used once, and any expression that reaches the target is
 * right. The solution does an
 * operation a line and says which numbers are left.
 */
final class CountdownTask {
  /** Numbers by class. */
  private static final int[] NUMBERS = {3, 3, 3, 4, 4, 4, 5, 5, 6, 6};

  /** Operations by class. */
  private static final String[] OPERATIONS = {"+-", "+-*", "+-*/", "+-", "+-*", "+-*/", "+-*", "+-*/", "+-*", "+-*/"};

  /**
   * A value with the expression that it came from; {@code rank} is 0 for a number, 1 for products and quotients, 2 for sums
   * and differences.
   */
  private record Part(int value, String text, int rank) {}

  private CountdownTask() {}

  /** A problem with {@code idle} more numbers that are 0, but no more than six in all. */
  static StudyProblem problem(int level, int idle, SplittableRandom random) {
    while (true) {
      List<Integer> numbers = new ArrayList<>();
      for (int i = 0; i < NUMBERS[level - 1]; i++) {
        numbers.add(random.nextInt(1, i == 0 ? 100 : 26));
      }
      while (numbers.size() < Math.min(NUMBERS[level - 1] + idle, NUMBERS[Task.LEVELS - 1])) {
        numbers.add(0);
      }
      Collections.shuffle(numbers, new Random(random.nextLong()));
      StringBuilder solution = new StringBuilder();
      StringBuilder wrong = new StringBuilder();
      int target = play(numbers, OPERATIONS[level - 1], random, solution);
      int other = play(numbers, OPERATIONS[level - 1], random, wrong);
      if (target >= 10 && target < 1000 && other >= 0 && other != target && !numbers.contains(target)) {
        String list = numbers.toString();
        return new StudyProblem(level, "Use " + list.substring(1, list.length() - 1) + " to reach " + target + ".",
            Integer.toString(target), numbers, solution.toString(), wrong.toString());
      }
    }
  }

  /**
   * Joins two numbers at a time until one is left; its value, or -1 where the game came to a number below 1 or above 999.
   */
  private static int play(List<Integer> numbers, String operations, SplittableRandom random, StringBuilder out) {
    List<Part> parts = new ArrayList<>();
    numbers.forEach(n -> parts.add(new Part(n, n.toString(), 0)));
    while (parts.size() > 1) {
      Part a = parts.remove(random.nextInt(parts.size()));
      Part b = parts.remove(random.nextInt(parts.size()));
      char op = operations.charAt(random.nextInt(operations.length()));
      if (op == '/' && (b.value() < 2 || a.value() % b.value() != 0)) {
        op = '+';
      }
      int value = op == '/' ? a.value() / b.value() : ChainProblem.apply(op, a.value(), b.value());
      if (value < 1 || value > 999) {
        return -1;
      }
      boolean sum = op == '+' || op == '-';
      String left = a.rank() == 2 && !sum ? "(" + a.text() + ")" : a.text();
      String right = b.rank() == 2 && op != '+' || b.rank() == 1 && (op == '/' || op == '*') ? "(" + b.text() + ")" : b.text();
      out.append(a.value()).append(op).append(b.value()).append('=').append(value);
      parts.add(new Part(value, left + op + right, sum ? 2 : 1));
      if (parts.size() > 1) {
        out.append(", left");
        parts.forEach(p -> out.append(' ').append(p.value()));
      }
      out.append('\n');
    }
    out.append(StudyProblem.boxed(parts.getFirst().text()));
    return parts.getFirst().value();
  }
}
