package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;
import dev.sphere.engine.template.Values.Function;
import dev.sphere.engine.template.Values.Items;
import dev.sphere.engine.template.Values.None;
import dev.sphere.engine.template.Values.Undefined;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Computes expressions. */
final class Evaluator {
  private final Interpreter interpreter;
  private final Budget budget;

  Evaluator(Interpreter interpreter) {
    this.interpreter = interpreter;
    this.budget = interpreter.budget;
  }

  Object value(Expr expr, Scope scope) {
    budget.enter();
    budget.at(expr.line());
    Object value = switch (expr) {
      case Expr.Literal e -> e.value();
      case Expr.Name e -> name(e, scope);
      case Expr.Sequence e -> {
        budget.spendElements(e.elements().size());
        List<Object> elements = new ArrayList<>();
        for (Expr element : e.elements()) {
          elements.add(value(element, scope));
        }
        yield new Items(e.tuple() ? Items.Kind.TUPLE : Items.Kind.LIST, elements);
      }
      case Expr.Mapping e -> {
        budget.spendElements(2L * e.keys().size());
        Map<Object, Object> map = new LinkedHashMap<>();
        for (int i = 0; i < e.keys().size(); i++) {
          Object key = Values.key(budget, value(e.keys().get(i), scope));
          map.put(key, value(e.values().get(i), scope));
        }
        yield map;
      }
      case Expr.Unary e -> unary(e, value(e.operand(), scope));
      case Expr.Binary e -> {
        Object left = value(e.left(), scope);
        Object right = value(e.right(), scope);
        budget.at(e.line());
        yield Arithmetic.binary(budget, e.operator(), left, right);
      }
      case Expr.Comparison e -> comparison(e, scope);
      case Expr.Logic e -> {
        Object left = value(e.left(), scope);
        yield Values.isTrue(left) == e.and() ? value(e.right(), scope) : left;
      }
      case Expr.Conditional e -> Values.isTrue(value(e.condition(), scope))
          ? value(e.yes(), scope)
          : e.no() == null ? new Undefined("the condition is false and has no else") : value(e.no(), scope);
      case Expr.Attribute e -> interpreter.attribute(value(e.of(), scope), e.name());
      case Expr.Element e -> {
        Object of = value(e.of(), scope);
        yield interpreter.element(of, value(e.key(), scope));
      }
      case Expr.Slice e -> slice(e, scope);
      case Expr.Call e -> call(e, scope, null);
      case Expr.Filter e -> {
        Object input = value(e.value(), scope);
        Args args = args(e.name(), e.arguments(), scope);
        budget.at(e.line());
        yield Filters.apply(e.name(), input, args);
      }
      case Expr.Check e -> {
        Object input = value(e.value(), scope);
        Args args = args(e.name(), e.arguments(), scope);
        budget.at(e.line());
        yield Checks.holds(e.name(), input, args) != e.negated();
      }
    };
    budget.leave();
    return value;
  }

  private Object name(Expr.Name e, Scope scope) {
    Object value = scope.get(e.name());
    return value != null ? value : new Undefined("'" + e.name() + "' is undefined");
  }

  private Args args(String what, Expr.Arguments arguments, Scope scope) {
    List<Object> positional = new ArrayList<>();
    for (Expr e : arguments.positional()) {
      positional.add(value(e, scope));
    }
    Map<String, Object> named = new LinkedHashMap<>();
    for (Map.Entry<String, Expr> e : arguments.named().entrySet()) {
      named.put(e.getKey(), value(e.getValue(), scope));
    }
    return new Args(interpreter, what, positional, named);
  }

  /** @param caller what the body of a call block gives; null for a call without one */
  Object call(Expr.Call e, Scope scope, Function caller) {
    Object function = value(e.function(), scope);
    String what = switch (e.function()) {
      case Expr.Name n -> n.name();
      case Expr.Attribute a -> a.name();
      default -> "what is called";
    };
    Args args = args(what, e.arguments(), scope);
    budget.at(e.line());
    if (!(function instanceof Function f)) {
      throw budget.error(function instanceof Undefined u
          ? u.why() + ", and cannot be called"
          : "a " + Values.type(function) + " cannot be called");
    }
    if (caller != null) {
      args.named().put("caller", caller);
    }
    return f.call(args);
  }

  private Object unary(Expr.Unary e, Object value) {
    if (e.operator().equals("not")) {
      return !Values.isTrue(value);
    }
    Number n = Values.number(value);
    budget.at(e.line());
    if (n == null) {
      throw budget.error("'" + e.operator() + "' needs a number, not a " + Values.type(Values.defined(budget, value)));
    }
    if (e.operator().equals("+")) {
      return n;
    }
    return n instanceof Long l ? Arithmetic.binary(budget, "-", 0L, l) : (Object) (-n.doubleValue());
  }

  private boolean comparison(Expr.Comparison e, Scope scope) {
    Object left = value(e.first(), scope);
    for (int i = 0; i < e.operators().size(); i++) {
      Object right = value(e.operands().get(i), scope);
      budget.at(e.line());
      if (!compare(e.operators().get(i), left, right)) {
        return false;
      }
      left = right;
    }
    return true;
  }

  private boolean compare(String operator, Object a, Object b) {
    return switch (operator) {
      case "==" -> Values.equal(budget, a, b);
      case "!=" -> !Values.equal(budget, a, b);
      case "in" -> contains(a, b);
      case "not in" -> !contains(a, b);
      default -> {
        int order = Values.compare(budget, a, b);
        yield switch (operator) {
          case "<" -> order < 0;
          case "<=" -> order <= 0;
          case ">" -> order == 1;
          default -> order == 0 || order == 1;
        };
      }
    };
  }

  /** Whether {@code what} is in {@code in}. */
  boolean contains(Object what, Object in) {
    return contains(budget, what, in);
  }

  static boolean contains(Budget budget, Object what, Object in) {
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

  private Object slice(Expr.Slice e, Scope scope) {
    Object of = Values.defined(budget, value(e.of(), scope));
    Long from = bound(e.from(), scope);
    Long to = bound(e.to(), scope);
    Long by = bound(e.step(), scope);
    budget.at(e.line());
    long step = by == null ? 1 : by;
    if (step == 0) {
      throw budget.error("the step of a slice cannot be 0");
    }
    int length = switch (of) {
      case MarkedText t -> Texts.length(budget, t);
      case Items i when i.kind != Items.Kind.STREAM -> i.elements.size();
      default -> throw budget.error("a " + Values.type(of) + " cannot be sliced");
    };
    long start = clamp(from, length, step > 0 ? 0 : length - 1, step);
    long end = clamp(to, length, step > 0 ? length : -1, step);
    if (of instanceof MarkedText t && step == 1) {
      budget.spendText(Math.max(0, end - start));
      return Texts.part(budget, t, (int) start, (int) Math.max(start, end));
    }
    List<Object> all = of instanceof Items i ? i.elements : Values.elements(budget, of);
    List<Object> taken = new ArrayList<>();
    for (long k = start; step > 0 ? k < end : k > end; k += step) {
      budget.spendElements(1);
      taken.add(all.get((int) k));
      if (step > length || step < -(long) length) {
        break; // and no overflow
      }
    }
    if (of instanceof Items i) {
      return new Items(i.kind, taken);
    }
    return Texts.join(budget, MarkedText.of(""), taken.stream().map(MarkedText.class::cast).toList());
  }

  private Long bound(Expr e, Scope scope) {
    Object value = e == null ? None.NONE : value(e, scope);
    if (value instanceof None) {
      return null;
    }
    if (Values.number(value) instanceof Long n) {
      return n;
    }
    throw budget.error("a slice needs integers, not a " + Values.type(Values.defined(budget, value)));
  }

  private static long clamp(Long bound, int length, long otherwise, long step) {
    if (bound == null) {
      return otherwise;
    }
    long at = bound < 0 ? Math.max(bound, -length - 1L) + length : bound;
    return step > 0 ? Math.clamp(at, 0L, (long) length) : Math.clamp(at, -1L, length - 1L);
  }
}
