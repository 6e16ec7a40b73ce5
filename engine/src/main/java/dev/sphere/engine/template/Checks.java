package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;
import dev.sphere.engine.template.Values.Function;
import dev.sphere.engine.template.Values.Items;
import dev.sphere.engine.template.Values.None;
import dev.sphere.engine.template.Values.Undefined;
import java.util.Map;

/** What may stand after {@code is}. */
final class Checks {
  /** Tests that are comparisons. */
  private static final Map<String, String> OPERATORS = Map.ofEntries(
      Map.entry("eq", "=="), Map.entry("equalto", "=="), Map.entry("==", "=="),
      Map.entry("ne", "!="), Map.entry("!=", "!="),
      Map.entry("lt", "<"), Map.entry("lessthan", "<"), Map.entry("<", "<"),
      Map.entry("le", "<="), Map.entry("<=", "<="),
      Map.entry("gt", ">"), Map.entry("greaterthan", ">"), Map.entry(">", ">"),
      Map.entry("ge", ">="), Map.entry(">=", ">="));

  private Checks() {}

  /**
   * Whether a value passes a test.
   *
   * @throws TemplateException when there is no such test, or its arguments do not fit
   */
  static boolean holds(String name, Object value, Args args) {
    RenderBudget budget = args.budget();
    String operator = OPERATORS.get(name);
    if (operator != null) {
      return Operators.holds(budget, operator, value, args.one("other"));
    }
    switch (name) {
      case "divisibleby":
        long divisor = args.integer(args.one("num"), 1);
        return isRest(budget, value, divisor, 0);
      case "in":
        return Operators.holds(budget, "in", value, args.one("seq"));
      case "sameas":
        Object other = args.one("other");
        return value == other || value.getClass() == other.getClass()
            && (value instanceof Long || value instanceof Boolean) && value.equals(other);
      default:
        args.none();
        return holds(name, value, budget);
    }
  }

  private static boolean holds(String name, Object value, RenderBudget budget) {
    return switch (name) {
      case "defined" -> !(value instanceof Undefined);
      case "undefined" -> value instanceof Undefined;
      case "none" -> value instanceof None;
      case "true" -> Boolean.TRUE.equals(value);
      case "false" -> Boolean.FALSE.equals(value);
      case "boolean" -> value instanceof Boolean;
      case "integer" -> value instanceof Long;
      case "float" -> value instanceof Double;
      case "number" -> Values.number(value) != null;
      case "string" -> value instanceof MarkedText;
      case "mapping" -> value instanceof Map<?, ?>;
      case "sequence" -> value instanceof MarkedText || value instanceof Map<?, ?> || value instanceof Undefined
          || value instanceof Items i && i.kind != Items.Kind.STREAM;
      case "iterable" -> value instanceof MarkedText || value instanceof Map<?, ?> || value instanceof Undefined
          || value instanceof Items;
      case "callable" -> value instanceof Function;
      case "odd" -> isRest(budget, value, 2, 1);
      case "even" -> isRest(budget, value, 2, 0);
      case "lower" -> Texts.isCase(budget, Values.text(budget, value), false);
      case "upper" -> Texts.isCase(budget, Values.text(budget, value), true);
      default -> throw budget.error("the test '" + name + "' is not known to chat templates");
    };
  }

  private static boolean isRest(RenderBudget budget, Object value, long divisor, long rest) {
    return Values.equal(budget, Operators.binary(budget, "%", value, divisor), rest);
  }
}
