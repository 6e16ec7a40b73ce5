package dev.sphere.lab.problems;

import dev.sphere.engine.Problem;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.SplittableRandom;

/**
 * A problem of the graded task "chain": {@code Reduce (17+48)*3-(88-19) digit by digit.} Each line of the solution is the expression after one more operation, the first one from the left whose
 * sides are numbers. Numbers have {@value #DIGITS} digits. Sums, differences, and products with a digit are taken in each digit for itself, modulo 10: a model of a
 * few million parameters learns that in minutes, which it does not with carries, and an answer is right by luck once in a hundred times.
 *
 * @param level the class: operations that change something
 * @param question the text
 * @param answer the right answer, two digits
 * @param solution an operation a line, then the boxed answer
 * @param wrong the same with a slip that is carried on, and a wrong answer
 */
public record ChainProblem(int level, String question, String answer, String solution, String wrong) {
  /** Uses of problems. The text of a problem alone decides its use, so no two uses share a problem; shares in percent. */
  public enum Use {
    /** Training of the base. */
    SFT(60),
    /** Search: {@code embedded:chain-train}. */
    SEARCH(24),
    /** Tuning of settings: {@code embedded:chain-validation}. */
    VALIDATION(8),
    /** Evaluation: {@code embedded:chain-test}. */
    TEST(8);

    private final int share;

    Use(int share) {
      this.share = share;
    }

    /** The use of a problem with that text. */
    public static Use of(String question) {
      return WordProblems.part(question, values(), use -> use.share);
    }
  }

  /** Classes of the task. */
  public static final int LEVELS = 10;

  /** The last class that is searched; class {@value #LEVELS} is evaluated alone. */
  public static final int SEARCHED = 9;

  /** Of the carried sets. */
  private static final int SEED = 42;

  private static final int DIGITS = 2;

  /** All numbers are below it. */
  public static final int NUMBERS = (int) Math.pow(10, DIGITS);

  /**
   * An expression: a number or a factor of one digit ({@code left} is null) or an operation.
   *
   * @param factor whether it is written as one digit, and multiplies every digit of the other side
   */
  private record Node(int value, boolean factor, char op, Node left, Node right) {
    static Node number(int value) {
      return new Node(value, false, ' ', null, null);
    }

    static Node factor(int value) {
      return new Node(value, true, ' ', null, null);
    }

    static Node of(char op, Node left, Node right) {
      return new Node(0, false, op, left, right);
    }

    boolean isNumber() {
      return left == null;
    }

    int size() {
      return isNumber() ? 1 : 1 + left.size() + right.size();
    }
  }

  /**
   * A problem of a class, which may look like one of a higher class.
   *
   * @param level the class, 1 to {@value #LEVELS}
   * @param idle operations beyond the class's own that change nothing, such as {@code +00} and {@code 1*}
   */
  public static ChainProblem of(int level, int idle, SplittableRandom random) {
    Node whole = tree(level, random);
    for (int i = 0; i < idle; i++) {
      whole = idle(whole, random);
    }
    int operations = level + idle;
    int slip = random.nextInt(operations);
    int error = random.nextInt(1, NUMBERS);
    StringBuilder solution = new StringBuilder();
    StringBuilder wrong = new StringBuilder();
    int answer = solve(whole, -1, 0, solution);
    int slipped = solve(whole, slip, error, wrong);
    if (slipped == answer) { // a slip may vanish, times 0
      return of(level, idle, random);
    }
    return new ChainProblem(level, "Reduce " + text(whole, ' ', false) + " digit by digit.", written(answer), solution.toString(), wrong.toString());
  }

  /**
   * An embedded set: problems of classes 1 to {@code levels}, no text twice, shuffled, so that any part of it holds all classes.
   *
   * @param count problems a class
   * @return with the class as {@code level} in their metadata, under ids {@code chain-search-0}, ...
   */
  static List<Problem> set(Use use, int levels, int count) {
    List<ChainProblem> all = new ArrayList<>();
    Set<String> taken = new HashSet<>();
    for (int level = 1; level <= levels; level++) {
      SplittableRandom random = new SplittableRandom(SEED + level);
      while (all.size() < level * count) {
        ChainProblem p = of(level, 0, random);
        if (Use.of(p.question()) == use && taken.add(p.question())) {
          all.add(p);
        }
      }
    }
    Collections.shuffle(all, new Random(SEED));
    List<Problem> out = new ArrayList<>();
    for (ChainProblem p : all) {
      out.add(new Problem("chain-" + use.name().toLowerCase(Locale.ROOT) + "-" + out.size(), p.question(), p.answer(),
          Map.of("level", Integer.toString(p.level()))));
    }
    return out;
  }

  private static Node tree(int operations, SplittableRandom random) {
    if (operations == 0) {
      return Node.number(random.nextInt(NUMBERS));
    }
    int kind = random.nextInt(10);
    if (kind < 3) {
      Node digit = Node.factor(random.nextInt(2, 10));
      Node other = tree(operations - 1, random);
      return random.nextBoolean() ? Node.of('*', other, digit) : Node.of('*', digit, other);
    }
    int left = random.nextInt(operations);
    return Node.of(kind < 7 ? '+' : '-', tree(left, random), tree(operations - 1 - left, random));
  }

  /** The expression with an operation more, around any part of it, that leaves its value as it is. */
  private static Node idle(Node whole, SplittableRandom random) {
    while (true) {
      Node more = idle(whole, random.nextInt(whole.size()), random.nextInt(5));
      if (more != null) {
        return more;
      }
    }
  }

  /** The same at the part {@code at}, counted from the root and from the left; null where that is a factor. */
  private static Node idle(Node e, int at, int kind) {
    if (at == 0) {
      return e.factor() ? null : switch (kind) {
        case 0 -> Node.of('+', e, Node.number(0));
        case 1 -> Node.of('+', Node.number(0), e);
        case 2 -> Node.of('-', e, Node.number(0));
        case 3 -> Node.of('*', e, Node.factor(1));
        default -> Node.of('*', Node.factor(1), e);
      };
    }
    int size = e.left().size();
    Node part = at <= size ? idle(e.left(), at - 1, kind) : idle(e.right(), at - 1 - size, kind);
    if (part == null) {
      return null;
    }
    return at <= size ? Node.of(e.op(), part, e.right()) : Node.of(e.op(), e.left(), part);
  }

  /** Writes the lines; the result of operation {@code slip} is off by {@code error}. */
  private static int solve(Node whole, int slip, int error, StringBuilder out) {
    for (int i = 0; !whole.isNumber(); i++) {
      whole = reduce(whole, i == slip ? error : 0);
      out.append(text(whole, ' ', false)).append('\n');
    }
    out.append("The answer is \\boxed{").append(written(whole.value())).append("}.");
    return whole.value();
  }

  /** The expression after its first operation between two numbers. */
  private static Node reduce(Node e, int error) {
    if (e.left().isNumber() && e.right().isNumber()) {
      return Node.number((apply(e) + error) % NUMBERS);
    }
    return e.left().isNumber() ? Node.of(e.op(), e.left(), reduce(e.right(), error)) : Node.of(e.op(), reduce(e.left(), error), e.right());
  }

  private static int apply(Node e) {
    // Only products have a factor, and their sides may change places.
    return e.left().factor() ? apply(e.op(), e.right().value(), e.left().value(), true) : apply(e.op(), e.left().value(), e.right().value(), e.right().factor());
  }

  /**
   * a op b, each digit for itself and modulo 10.
   *
   * @param factor whether b is one digit, and goes with every digit of a
   */
  public static int apply(char op, int a, int b, boolean factor) {
    int result = 0;
    for (int place = 1; place < NUMBERS; place *= 10) {
      result += Math.floorMod(apply(op, a / place % 10, factor ? b : b / place % 10), 10) * place;
    }
    return result;
  }

  /** a op b, for + - and *. */
  public static int apply(char op, int a, int b) {
    return switch (op) {
      case '+' -> a + b;
      case '-' -> a - b;
      case '*' -> a * b;
      default -> throw new IllegalArgumentException("no operation: " + op);
    };
  }

  /** A number as it stands in problems and solutions: two digits. */
  public static String written(int number) {
    return String.format(Locale.ROOT, "%0" + DIGITS + "d", number);
  }

  /** As it is written: brackets where the tree needs them. */
  private static String text(Node e, char around, boolean onTheRight) {
    if (e.isNumber()) {
      return e.factor() ? Integer.toString(e.value()) : written(e.value());
    }
    String t = text(e.left(), e.op(), false) + e.op() + text(e.right(), e.op(), true);
    boolean brackets = around == '*' && e.op() != '*' || onTheRight && (around == '-' || around == '*' || around == '+');
    return brackets ? "(" + t + ")" : t;
  }
}
