package dev.sphere.lab.study;

import java.util.List;
import java.util.SplittableRandom;

/**
 * Chain: {@code (17+408)*3-(88-19)}. Each line of the solution is the expression after one more operation, the first one
 * from the left whose sides are
 * numbers. Sums, differences, and products with a digit; every result is taken modulo 1,000.
 */
final class ChainTask {
  static final int MODULUS = 1000;

  /** An expression: a number ({@code left} is null) or an operation. */
  private record Node(int value, char op, Node left, Node right) {
    static Node number(int value) {
      return new Node(value, ' ', null, null);
    }

    boolean isNumber() {
      return left == null;
    }
  }

  private ChainTask() {}

  static StudyProblem problem(int level, SplittableRandom random) {
    Node whole = tree(level, random);
    int slip = random.nextInt(level);
    int error = random.nextInt(1, 10) * (random.nextBoolean() ? 1 : -1);
    String question = "Reduce " + text(whole, ' ', false) + " modulo 1000.";
    StringBuilder solution = new StringBuilder();
    StringBuilder wrong = new StringBuilder();
    int answer = solve(whole, -1, 0, solution);
    int slipped = solve(whole, slip, error, wrong);
    if (slipped == answer) { // a slip may vanish, times 0
      return problem(level, random);
    }
    return new StudyProblem(level, question, Integer.toString(answer), List.of(), solution.toString(), wrong.toString());
  }

  private static Node tree(int operations, SplittableRandom random) {
    if (operations == 0) {
      return Node.number(random.nextInt(2, MODULUS));
    }
    int kind = random.nextInt(10);
    if (kind < 3) {
      Node digit = Node.number(random.nextInt(2, 10));
      Node other = tree(operations - 1, random);
      return random.nextBoolean() ? new Node(0, '*', other, digit) : new Node(0, '*', digit, other);
    }
    int left = random.nextInt(operations);
    return new Node(0, kind < 7 ? '+' : '-', tree(left, random), tree(operations - 1 - left, random));
  }

  /** Writes the lines; the result of operation {@code slip} is off by {@code error}. */
  private static int solve(Node whole, int slip, int error, StringBuilder out) {
    for (int i = 0; !whole.isNumber(); i++) {
      whole = reduce(whole, i == slip ? error : 0);
      out.append(text(whole, ' ', false)).append('\n');
    }
    out.append(StudyProblem.boxed(whole.value()));
    return whole.value();
  }

  /** The expression after its first operation between two numbers. */
  private static Node reduce(Node e, int error) {
    if (e.left().isNumber() && e.right().isNumber()) {
      return Node.number(Math.floorMod(apply(e.op(), e.left().value(), e.right().value()) + error, MODULUS));
    }
    return e.left().isNumber() ? new Node(0, e.op(), e.left(), reduce(e.right(), error))
        : new Node(0, e.op(), reduce(e.left(), error), e.right());
  }

  static int apply(char op, int a, int b) {
    return switch (op) {
      case '+' -> a + b;
      case '-' -> a - b;
      case '*' -> a * b;
      default -> throw new IllegalArgumentException("no operation: " + op);
    };
  }

  /** As it is written: brackets where the tree needs them. */
  private static String text(Node e, char around, boolean onTheRight) {
    if (e.isNumber()) {
      return Integer.toString(e.value());
    }
    String t = text(e.left(), e.op(), false) + e.op() + text(e.right(), e.op(), true);
    boolean brackets = around == '*' && e.op() != '*' || onTheRight && (around == '-' || around == '*' || around == '+');
    return brackets ? "(" + t + ")" : t;
  }
}
