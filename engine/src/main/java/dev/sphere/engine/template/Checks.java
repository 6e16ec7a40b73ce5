package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;
import dev.sphere.engine.template.Values.Function;
import dev.sphere.engine.template.Values.Items;
import dev.sphere.engine.template.Values.None;
import dev.sphere.engine.template.Values.Undefined;
import java.util.Map;

/** What may stand after {@code is}. */
final class Checks {
  private Checks() {}

  /**
   * Whether a value passes a test.
   *
   * @throws TemplateException when there is no such test, or its arguments do not fit
   */
  static boolean holds(String name, Object value, Args args) {
    Budget budget = args.budget();
    switch (name) {
      case "divisibleby":
        long divisor = args.integer(args.one("num"), 1);
        return Values.equal(budget, Arithmetic.binary(budget, "%", value, divisor), 0L);
      case "in":
        return Evaluator.contains(budget, value, args.one("seq"));
      case "sameas":
        Object other = args.one("other");
        return value == other || value.getClass() == other.getClass()
            && (value instanceof Long || value instanceof Boolean) && value.equals(other);
      case "eq", "equalto", "==":
        return Values.equal(budget, value, args.one("other"));
      case "ne", "!=":
        return !Values.equal(budget, value, args.one("other"));
      case "lt", "lessthan", "<":
        return Values.compare(budget, value, args.one("other")) < 0;
      case "le", "<=":
        int atMost = Values.compare(budget, value, args.one("other"));
        return atMost <= 0;
      case "gt", "greaterthan", ">":
        return Values.compare(budget, value, args.one("other")) == 1;
      case "ge", ">=":
        int atLeast = Values.compare(budget, value, args.one("other"));
        return atLeast == 0 || atLeast == 1;
      default:
        args.none();
        return holds(name, value, budget);
    }
  }

  private static boolean holds(String name, Object value, Budget budget) {
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
      case "odd" -> Values.equal(budget, Arithmetic.binary(budget, "%", value, 2L), 1L);
      case "even" -> Values.equal(budget, Arithmetic.binary(budget, "%", value, 2L), 0L);
      case "lower" -> isCase(value, budget, false);
      case "upper" -> isCase(value, budget, true);
      default -> throw budget.error("the test '" + name + "' is not known to chat templates");
    };
  }

  private static boolean isCase(Object value, Budget budget, boolean upper) {
    String s = Values.text(budget, value).text();
    budget.spend(s.length());
    return s.codePoints().anyMatch(upper ? Character::isUpperCase : Character::isLowerCase)
        && s.codePoints().noneMatch(upper ? Character::isLowerCase : Character::isUpperCase);
  }
}
