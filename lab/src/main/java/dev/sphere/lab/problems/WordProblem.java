package dev.sphere.lab.problems;

import dev.sphere.engine.Problem;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A generated word problem with its worked solution.
 *
 * @param kind the kind of problem (shopping, ages, ...)
 * @param question the text
 * @param numbers the numbers the text gives, in order of first use; with the kind they identify the problem's content
 * @param steps the solution, one operation a step, in order; the last step's result is the answer
 */
public record WordProblem(String kind, String question, List<Integer> numbers, List<Step> steps) {
  /** A number that a step works on: given in the text, or the result of an earlier step. */
  public record Operand(int value, int step) {
    static Operand given(int value) {
      return new Operand(value, -1);
    }

    boolean isGiven() {
      return step < 0;
    }
  }

  /**
   * One operation in words: {@code before a op b = result after}.
   *
   * @param op one of + - * /
   */
  public record Step(String before, Operand a, char op, Operand b, String after) {}

  public WordProblem {
    numbers = List.copyOf(numbers);
    steps = List.copyOf(steps);
  }

  /** The key of the content: kind and numbers, without names and phrasing. */
  public String key() {
    return kind + numbers;
  }

  /** The right answer. */
  public int answer() {
    return results().getLast();
  }

  /** The result of each step. */
  public List<Integer> results() {
    List<Integer> results = new ArrayList<>();
    for (Step s : steps) {
      results.add(apply(s.op(), valueOf(s.a(), results), valueOf(s.b(), results)));
    }
    return results;
  }

  /** The worked solution: each operation on its own line, then the boxed answer. */
  public String solution() {
    List<Integer> results = results();
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < steps.size(); i++) {
      Step s = steps.get(i);
      out.append(line(s.before(), expression(s, results), results.get(i), s.after())).append('\n');
    }
    return out.append(boxed(answer())).toString();
  }

  /**
   * The solution in a hurry: two operations in one line wherever the second continues the first. It is right, but a
   * small model that imitates it has to do two sums at once.
   */
  public String hastySolution() {
    List<Integer> results = results();
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < steps.size(); i++) {
      Step s = steps.get(i);
      String expression = expression(s, results);
      if (i + 1 < steps.size() && steps.get(i + 1).a().step() == i && usedOnce(i)) {
        Step next = steps.get(++i);
        boolean sum = (s.op() == '+' || s.op() == '-') && (next.op() == '*' || next.op() == '/');
        expression = (sum ? "(" + expression + ")" : expression) + next.op() + valueOf(next.b(), results);
        s = next;
      }
      out.append(line(s.before(), expression, results.get(i), s.after())).append('\n');
    }
    return out.append(boxed(answer())).toString();
  }

  /** As a problem with a known answer, for search and evaluation. */
  public Problem toProblem(String id) {
    return new Problem(id, question, Integer.toString(answer()),
        Map.of("kind", kind, "steps", Integer.toString(steps.size())));
  }

  private boolean usedOnce(int step) {
    return steps.stream().filter(s -> s.a().step() == step || s.b().step() == step).count() == 1
        && steps.stream().noneMatch(s -> s.a().step() == step && s.b().step() == step);
  }

  private static String expression(Step s, List<Integer> results) {
    return "" + valueOf(s.a(), results) + s.op() + valueOf(s.b(), results);
  }

  static String line(String before, String expression, int result, String after) {
    return before + " " + expression + "=" + result + after;
  }

  static String boxed(int answer) {
    return "The answer is \\boxed{" + answer + "}.";
  }

  static int valueOf(Operand o, List<Integer> results) {
    return o.isGiven() ? o.value() : results.get(o.step());
  }

  static int apply(char op, int a, int b) {
    return switch (op) {
      case '+' -> a + b;
      case '-' -> a - b;
      case '*' -> a * b;
      case '/' -> a / b;
      default -> throw new IllegalArgumentException("no operation: " + op);
    };
  }
}
