package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;
import dev.sphere.engine.template.Values.Items;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The operators between two values: arithmetic and comparisons. Integers have 64 bits; what does not fit is an error. */
final class Operators {
  private Operators() {}

  /**
   * Whether a comparison holds: ==, !=, &lt;, &lt;=, &gt;, &gt;=, in, not in.
   *
   * @throws TemplateException when the values have no order, or nothing can be in the second
   */
  static boolean holds(RenderBudget budget, String operator, Object a, Object b) {
    switch (operator) {
      case "==":
        return Values.equal(budget, a, b);
      case "!=":
        return !Values.equal(budget, a, b);
      case "in":
        return contains(budget, b, a);
      case "not in":
        return !contains(budget, b, a);
      default:
        int order = Values.compare(budget, a, b);
        return switch (operator) {
          case "<" -> order < 0;
          case "<=" -> order <= 0;
          case ">" -> order == 1;
          default -> order == 0 || order == 1;
        };
    }
  }

  private static boolean contains(RenderBudget budget, Object in, Object what) {
    if (in instanceof MarkedText t) {
      if (what instanceof MarkedText part) {
        return Texts.indexOf(budget, t.text(), part.text(), 0) >= 0;
      }
      throw budget.error("'in' a text needs a text, not a " + Values.type(Values.defined(budget, what)));
    }
    if (in instanceof Map<?, ?> m) {
      return m.containsKey(Values.key(budget, what));
    }
    for (Object element : Values.elements(budget, in)) {
      budget.spend(1);
      if (Values.equal(budget, element, what)) {
        return true;
      }
    }
    return false;
  }

  /**
   * What + - * / // % ** or ~ makes of two values.
   *
   * @throws TemplateException when the operator is not known between them, or the result is too large
   */
  static Object binary(RenderBudget budget, String operator, Object left, Object right) {
    if (operator.equals("~")) {
      return Texts.concat(budget, Values.text(budget, left), Values.text(budget, right));
    }
    Values.defined(budget, left);
    if (operator.equals("%") && left instanceof MarkedText format) {
      return Formats.percent(budget, format, right);
    }
    Values.defined(budget, right);
    Number a = Values.number(left);
    Number b = Values.number(right);
    if (a != null && b != null) {
      try {
        return a instanceof Long x && b instanceof Long y
            ? integers(budget, operator, x, y)
            : reals(budget, operator, a.doubleValue(), b.doubleValue());
      } catch (ArithmeticException e) {
        throw budget.error("the result of '" + operator + "' is no integer of 64 bits");
      }
    }
    if (operator.equals("+")) {
      if (left instanceof MarkedText s && right instanceof MarkedText t) {
        return Texts.concat(budget, s, t);
      }
      if (left instanceof Items s && right instanceof Items t && s.kind == t.kind && s.kind != Items.Kind.STREAM) {
        budget.spendElements((long) s.elements.size() + t.elements.size());
        List<Object> both = new ArrayList<>(s.elements);
        both.addAll(t.elements);
        return new Items(s.kind, both);
      }
    }
    if (operator.equals("*") && (a instanceof Long || b instanceof Long)) {
      Object of = a == null ? left : right;
      long times = (Long) (a == null ? b : a);
      if (of instanceof MarkedText t) {
        return Texts.repeat(budget, t, times);
      }
      if (of instanceof Items i && i.kind != Items.Kind.STREAM) {
        return repeat(budget, i, times);
      }
    }
    throw budget.error(
        "'" + operator + "' is not known between a " + Values.type(left) + " and a " + Values.type(right)
            + (left instanceof Map<?, ?> ? "" : operator.equals("+") ? ": join texts with ~" : ""));
  }

  private static Items repeat(RenderBudget budget, Items of, long times) {
    int size = of.elements.size();
    List<Object> all = new ArrayList<>();
    if (size > 0 && times > 0) {
      budget.spendElements(times > RenderBudget.LONGEST_TEXT ? Long.MAX_VALUE / 16 : size * times);
      for (long i = 0; i < times; i++) {
        all.addAll(of.elements);
      }
    }
    return new Items(of.kind, all);
  }

  private static Object integers(RenderBudget budget, String operator, long a, long b) {
    return switch (operator) {
      case "+" -> Math.addExact(a, b);
      case "-" -> Math.subtractExact(a, b);
      case "*" -> Math.multiplyExact(a, b);
      case "/" -> reals(budget, operator, a, b);
      case "//" -> {
        notZero(budget, b);
        yield Math.floorDivExact(a, b);
      }
      case "%" -> {
        notZero(budget, b);
        yield Math.floorMod(a, b);
      }
      default -> {
        if (b < 0) {
          yield reals(budget, operator, a, b);
        }
        yield power(a, b);
      }
    };
  }

  private static Object power(long a, long b) {
    if (a == 0 || a == 1 || a == -1) {
      return b == 0 ? 1L : a == -1 && b % 2 == 0 ? 1L : a;
    }
    long result = 1;
    for (long i = 0; i < b; i++) { // ends after 63 steps at the latest
      result = Math.multiplyExact(result, a);
    }
    return result;
  }

  private static Object reals(RenderBudget budget, String operator, double a, double b) {
    return switch (operator) {
      case "+" -> a + b;
      case "-" -> a - b;
      case "*" -> a * b;
      case "/" -> {
        notZero(budget, b);
        yield a / b;
      }
      case "//" -> {
        notZero(budget, b);
        yield Math.floor(a / b);
      }
      case "%" -> {
        notZero(budget, b);
        double rest = a % b;
        yield rest != 0 && rest < 0 != b < 0 ? rest + b : rest;
      }
      default -> {
        double result = Math.pow(a, b);
        if (Double.isInfinite(result) || Double.isNaN(result)) {
          throw budget.error("the result of '**' is no number");
        }
        yield result;
      }
    };
  }

  private static void notZero(RenderBudget budget, double divisor) {
    if (divisor == 0) {
      throw budget.error("division by zero");
    }
  }
}
