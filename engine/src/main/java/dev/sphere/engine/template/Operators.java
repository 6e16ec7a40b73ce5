package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The operators between two values. A result that is no integer of 64 bits is an error. */
final class Operators {
  private Operators() {}

  /**
   * Whether a comparison holds: ==, !=, &lt;, &lt;=, &gt;, &gt;=, in, not in.
   *
   * @throws TemplateException when the values have no order, or the second has no elements
   */
  static boolean holds(RenderBudget budget, String operator, Object a, Object b) {
    return switch (operator) {
      case "==" -> Values.equal(budget, a, b);
      case "!=" -> !Values.equal(budget, a, b);
      case "in" -> contains(budget, b, a);
      case "not in" -> !contains(budget, b, a);
      case "<" -> Values.compare(budget, a, b) < 0;
      case "<=" -> Values.compare(budget, a, b) <= 0;
      case ">" -> Values.compare(budget, a, b) > 0;
      default -> Values.compare(budget, a, b) >= 0;
    };
  }

  private static boolean contains(RenderBudget budget, Object in, Object what) {
    if (in instanceof MarkedText t) {
      if (what instanceof MarkedText part) {
        return Texts.indexOf(budget, t.text(), part.text(), 0) >= 0;
      }
      throw budget.error("'in' a text needs a text, not a " + Values.type(Values.defined(budget, what)));
    }
    if (in instanceof Map<?, ?> m) {
      return Values.get(budget, m, what) != null;
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
   * The value of + - * // % or ~ between two values.
   *
   * @throws TemplateException when the operator is not defined for them, or the result is too large
   */
  static Object compute(RenderBudget budget, String operator, Object left, Object right) {
    if (operator.equals("~")) {
      return Texts.concat(budget, Values.text(budget, left), Values.text(budget, right));
    }
    Long a = Values.integer(Values.defined(budget, left));
    Long b = Values.integer(Values.defined(budget, right));
    if (a != null && b != null) {
      return integers(budget, operator, a, b);
    }
    if (operator.equals("+") && left instanceof MarkedText s && right instanceof MarkedText t) {
      return Texts.concat(budget, s, t);
    }
    if (operator.equals("+") && left instanceof List<?> s && right instanceof List<?> t) {
      budget.spendElements((long) s.size() + t.size());
      List<Object> both = new ArrayList<>(s);
      both.addAll(t);
      return both;
    }
    if (operator.equals("*") && left instanceof MarkedText t && b != null) {
      return Texts.repeat(budget, t, b);
    }
    throw budget.error("'" + operator + "' is not defined between a " + Values.type(left) + " and a "
        + Values.type(right) + (operator.equals("+") ? ": join texts with ~" : ""));
  }

  private static long integers(RenderBudget budget, String operator, long a, long b) {
    try {
      return switch (operator) {
        case "+" -> Math.addExact(a, b);
        case "-" -> Math.subtractExact(a, b);
        case "*" -> Math.multiplyExact(a, b);
        case "//" -> Math.floorDivExact(a, b);
        default -> Math.floorMod(a, b);
      };
    } catch (ArithmeticException e) {
      throw budget.error(b == 0 && (operator.equals("//") || operator.equals("%"))
          ? "division by zero" : "the result of '" + operator + "' is no integer of 64 bits");
    }
  }
}
