package dev.sphere.grade;

import dev.sphere.grade.compare.Decision;
import dev.sphere.grade.compare.Rule;
import dev.sphere.grade.extract.AnswerExtractor;
import dev.sphere.grade.extract.AnswerText;
import dev.sphere.grade.parse.AnswerReader;
import dev.sphere.grade.value.Expr;
import dev.sphere.grade.value.GradingBudget;
import dev.sphere.grade.value.Rational;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The countdown game: the answer is an expression of the given numbers, each at most once, with + - * / and brackets.
 * It is right when it is worth the target exactly. {@code expression = value} is read too.
 */
final class Countdown {
  private static final Pattern NUMBER = Pattern.compile("\\d{1,9}");

  private Countdown() {}

  /** Decides about an answer as it was found in a solution. */
  static Decision decide(String goal, String numbers, String answer, GradingBudget budget) {
    String target = AnswerText.clean(goal);
    String text = AnswerText.clean(answer);
    if (text.length() > AnswerExtractor.MAX_ANSWER) {
      return Decision.of(Rule.TOO_LONG_TO_COMPARE);
    }
    Expr expression;
    Expr targetValue;
    try {
      expression = AnswerReader.readAsUsual(text, budget);
      targetValue = AnswerReader.readAsUsual(target, budget);
    } catch (GradingBudget.Stop e) {
      return Decision.of(Rule.UNREADABLE);
    }
    Rational wanted = value(targetValue, null);
    if (expression instanceof Expr.Rel(List<Expr> sides, List<String> ops) && ops.equals(List.of("="))
        && value(sides.getLast(), null) != null && value(sides.getLast(), null).equals(wanted)) {
      expression = sides.getFirst();
    }
    List<BigInteger> used = new ArrayList<>();
    Rational value = value(expression, used);
    if (value == null) {
      return Decision.of(Rule.NO_ARITHMETIC);
    }
    List<BigInteger> left = given(numbers);
    for (BigInteger n : used) {
      if (!left.remove(n)) {
        return Decision.of(Rule.NUMBERS_NOT_GIVEN);
      }
    }
    return Decision.of(value.equals(wanted) ? Rule.REACHES_THE_TARGET : Rule.MISSES_THE_TARGET);
  }

  private static List<BigInteger> given(String text) {
    List<BigInteger> numbers = new ArrayList<>();
    Matcher m = NUMBER.matcher(text);
    while (m.find()) {
      numbers.add(new BigInteger(m.group()));
    }
    return numbers;
  }

  /**
   * The exact value of + - * / over whole numbers; null for anything else, and for a division by zero.
   *
   * @param used gets the numbers; null: nobody asks
   */
  private static Rational value(Expr e, List<BigInteger> used) {
    if (e instanceof Expr.Num(Rational n, int decimals)) {
      if (decimals >= 0 || !n.den().equals(BigInteger.ONE)) {
        return null;
      }
      if (used != null) {
        used.add(n.num());
      }
      return n;
    }
    if (!(e instanceof Expr.Op(char op, Expr l, Expr r))) {
      return null;
    }
    Rational a = value(l, used);
    Rational b = value(r, used);
    if (a == null || b == null) {
      return null;
    }
    return switch (op) {
      case '+' -> a.plus(b);
      case '-' -> a.minus(b);
      case '*' -> a.times(b);
      case '/' -> a.dividedBy(b);
      default -> null;
    };
  }
}
