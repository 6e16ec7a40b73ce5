package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;
import dev.sphere.engine.template.Syntax.Expr;
import dev.sphere.engine.template.Syntax.Statement;
import dev.sphere.engine.template.Values.Function;
import dev.sphere.engine.template.Values.Items;
import dev.sphere.engine.template.Values.Loop;
import dev.sphere.engine.template.Values.Namespace;
import dev.sphere.engine.template.Values.None;
import dev.sphere.engine.template.Values.Undefined;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Runs statements and computes their expressions. One rendering, one thread. */
final class Interpreter {
  /** Variables of a loop, a macro or a block, over those around it. */
  static final class Scope {
    private final Map<String, Object> values = new HashMap<>();
    private final Scope outside;

    Scope(Scope outside) {
      this.outside = outside;
    }

    /** A variable's value; null where there is none of that name. */
    Object get(String name) {
      for (Scope s = this; s != null; s = s.outside) {
        Object value = s.values.get(name);
        if (value != null) {
          return value;
        }
      }
      return null;
    }

    void set(String name, Object value) {
      values.put(name, value);
    }
  }

  /** Whether a body ended on its own or left its loop. */
  private enum Signal {
    ON,
    BREAK,
    CONTINUE
  }

  final RenderBudget budget;

  Interpreter(RenderBudget budget) {
    this.budget = budget;
  }

  MarkedText run(List<Statement> template, Scope scope) {
    MarkedText.Builder out = new MarkedText.Builder();
    run(template, scope, out);
    return out.build();
  }

  private Signal run(List<Statement> body, Scope scope, MarkedText.Builder out) {
    budget.enter();
    Signal signal = Signal.ON;
    for (int i = 0; i < body.size() && signal == Signal.ON; i++) {
      signal = run(body.get(i), scope, out);
    }
    budget.leave();
    return signal;
  }

  private Signal run(Statement statement, Scope scope, MarkedText.Builder out) {
    budget.at(statement.line());
    budget.spend(1);
    switch (statement) {
      case Statement.Data s -> write(s.text(), out);
      case Statement.Print s -> write(Values.text(budget, value(s.value(), scope)), out);
      case Statement.If s -> {
        for (int i = 0; i < s.conditions().size(); i++) {
          if (Values.isTrue(value(s.conditions().get(i), scope))) {
            return run(s.branches().get(i), scope, out);
          }
        }
        return run(s.otherwise(), scope, out);
      }
      case Statement.For s -> {
        return loop(s, scope, out);
      }
      case Statement.Set s -> set(s, scope);
      case Statement.Capture s -> capture(s, scope, out);
      case Statement.Macro s -> scope.set(s.name(), macro(s, scope));
      case Statement.CallBlock s -> {
        Object result = call(s.call(), scope, macro(s.caller(), scope));
        write(Values.text(budget, result), out);
      }
      case Statement.With s -> {
        Scope inner = new Scope(scope);
        List<Object> values = s.values().stream().map(v -> value(v, scope)).toList();
        for (int i = 0; i < values.size(); i++) {
          inner.set(s.targets().get(i), values.get(i));
        }
        return run(s.body(), inner, out);
      }
      case Statement.Block s -> {
        return run(s.body(), scope, out);
      }
      case Statement.Break s -> {
        return Signal.BREAK;
      }
      case Statement.Continue s -> {
        return Signal.CONTINUE;
      }
    }
    return Signal.ON;
  }

  private void write(MarkedText text, MarkedText.Builder out) {
    budget.spendText((long) text.length());
    if ((long) out.length() + text.length() > RenderBudget.LONGEST_TEXT) {
      throw budget.error("the template writes more than " + RenderBudget.LONGEST_TEXT + " characters");
    }
    out.append(text);
  }

  private Signal loop(Statement.For s, Scope scope, MarkedText.Builder out) {
    List<Object> elements =
        Values.elements(budget, value(s.over(), scope));
    if (s.condition() != null) {
      List<Object> taken = new ArrayList<>();
      for (Object element : elements) {
        Scope inner = new Scope(scope);
        assign(s.targets(), element, inner);
        if (Values.isTrue(value(s.condition(), inner))) {
          budget.spendElements(1);
          taken.add(element);
        }
      }
      elements = taken;
    }
    if (elements.isEmpty()) {
      return run(s.otherwise(), new Scope(scope), out);
    }
    Loop loop = new Loop(elements);
    for (int i = 0; i < elements.size(); i++) {
      budget.at(s.line());
      loop.moveTo(i);
      Scope inner = new Scope(scope);
      inner.set("loop", loop);
      assign(s.targets(), elements.get(i), inner);
      if (run(s.body(), inner, out) == Signal.BREAK) {
        break;
      }
    }
    return Signal.ON;
  }

  private void assign(List<String> targets, Object value, Scope scope) {
    budget.spend(targets.size());
    if (targets.size() == 1) {
      scope.set(targets.getFirst(), value);
      return;
    }
    List<Object> parts = Values.elements(budget, Values.defined(budget, value));
    if (parts.size() != targets.size()) {
      throw budget.error(parts.size() + " values cannot be given to the names " + String.join(", ", targets));
    }
    for (int i = 0; i < parts.size(); i++) {
      scope.set(targets.get(i), parts.get(i));
    }
  }

  private void set(Statement.Set s, Scope scope) {
    Object value = value(s.value(), scope);
    if (s.attribute() == null) {
      assign(s.targets(), value, scope);
    } else if (scope.get(s.targets().getFirst()) instanceof Namespace namespace) {
      budget.spendElements(1);
      namespace.values.put(s.attribute(), value);
    } else {
      throw budget.error("'" + s.targets().getFirst() + "." + s.attribute() + "' cannot be set: only a namespace's "
          + "attributes can");
    }
  }

  private void capture(Statement.Capture s, Scope scope, MarkedText.Builder out) {
    Scope inner = new Scope(scope);
    MarkedText.Builder captured = new MarkedText.Builder();
    run(s.body(), inner, captured);
    inner.set(TemplateParser.CAPTURED, captured.build());
    Object value = value(s.value(), inner);
    if (s.target() == null) {
      write(Values.text(budget, value), out);
    } else {
      scope.set(s.target(), value);
    }
  }

  /** A macro as a function; it sees the variables around its definition. */
  private Function macro(Statement.Macro s, Scope around) {
    return args -> {
      Scope inner = new Scope(around);
      Map<String, Object> named = new HashMap<>(args.named());
      List<String> parameters = s.parameters();
      budget.spendElements(parameters.size());
      Object caller = named.remove("caller");
      if (caller != null) {
        inner.set("caller", caller);
      }
      int given = args.positional().size();
      if (given > parameters.size() && !s.takesMore()) {
        throw args.error("takes " + parameters.size() + " arguments, not " + given);
      }
      int firstDefault = parameters.size() - s.defaults().size();
      for (int i = 0; i < parameters.size(); i++) {
        String parameter = parameters.get(i);
        Object value = i < given ? args.positional().get(i) : named.remove(parameter);
        if (value == null) {
          value = i < firstDefault
              ? new Undefined("the argument '" + parameter + "' of '" + s.name() + "' was not given")
              : value(s.defaults().get(i - firstDefault), inner);
        } else if (i < given && named.containsKey(parameter)) {
          throw args.error("has the argument '" + parameter + "' twice");
        }
        inner.set(parameter, value);
      }
      if (!named.isEmpty() && !s.takesNamed()) {
        throw args.error("has no argument '" + named.keySet().iterator().next() + "'");
      }
      inner.set("varargs", new Items(Items.Kind.TUPLE,
          List.copyOf(args.positional().subList(Math.min(parameters.size(), given), given))));
      Map<Object, Object> rest = new LinkedHashMap<>();
      named.forEach((k, v) -> rest.put(MarkedText.of(k), v));
      inner.set("kwargs", rest);
      MarkedText.Builder out = new MarkedText.Builder();
      run(s.body(), inner, out);
      return out.build();
    };
  }

  private Object value(Expr expr, Scope scope) {
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
        yield Operators.binary(budget, e.operator(), left, right);
      }
      case Expr.Comparison e -> comparison(e, scope);
      case Expr.Logic e -> {
        Object left = value(e.left(), scope);
        yield Values.isTrue(left) == e.and() ? value(e.right(), scope) : left;
      }
      case Expr.Conditional e -> Values.isTrue(value(e.condition(), scope))
          ? value(e.yes(), scope)
          : e.no() == null ? new Undefined("the condition is false and has no else") : value(e.no(), scope);
      case Expr.Attribute e -> attribute(value(e.of(), scope), e.name());
      case Expr.Element e -> {
        Object of = value(e.of(), scope);
        yield element(of, value(e.key(), scope));
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
    return new Args(this, what, positional, named);
  }

  /** @param caller what the body of a call block gives; null for a call without one */
  private Object call(Expr.Call e, Scope scope, Function caller) {
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
    return n instanceof Long l ? Operators.binary(budget, "-", 0L, l) : (Object) (-n.doubleValue());
  }

  private boolean comparison(Expr.Comparison e, Scope scope) {
    Object left = value(e.first(), scope);
    for (int i = 0; i < e.operators().size(); i++) {
      Object right = value(e.operands().get(i), scope);
      budget.at(e.line());
      if (!Operators.holds(budget, e.operators().get(i), left, right)) {
        return false;
      }
      left = right;
    }
    return true;
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

  /** A value's element or attribute by a name, as {@code value[name]} finds it; undefined where there is none. */
  Object element(Object value, Object key) {
    switch (Values.defined(budget, value)) {
      case Map<?, ?> m -> {
        Object found = m.get(Values.key(budget, key));
        if (found != null) {
          return found;
        }
      }
      case Items i when Values.number(key) instanceof Long n -> {
        if (i.kind == Items.Kind.STREAM) {
          throw budget.error("what a filter makes one after another has no numbered elements: write |list after it");
        }
        long at = n < 0 ? n + i.elements.size() : n;
        return at < 0 || at >= i.elements.size()
            ? new Undefined("the list has no element " + n)
            : i.elements.get((int) at);
      }
      case MarkedText t when Values.number(key) instanceof Long n -> {
        int length = Texts.length(budget, t);
        long at = n < 0 ? n + length : n;
        return at < 0 || at >= length
            ? new Undefined("the text has no character " + n)
            : Texts.part(budget, t, (int) at, (int) at + 1);
      }
      default -> { }
    }
    return key instanceof MarkedText name
        ? own(value, name.text())
        : new Undefined("a " + Values.type(value) + " has no element " + shown(key));
  }

  /** A value's method or attribute, else its element, as {@code value.name} finds it; undefined where there is none. */
  Object attribute(Object value, String name) {
    Object own = own(Values.defined(budget, value), name);
    if (own instanceof Undefined && value instanceof Map<?, ?> m) {
      Object found = m.get(MarkedText.of(name));
      return found == null ? own : found;
    }
    return own;
  }

  private Object own(Object value, String name) {
    if (name.startsWith("_")) {
      throw budget.error("'" + name + "' is not open to templates: names that begin with _ are not");
    }
    Object found = switch (value) {
      case Namespace n -> n.values.get(name);
      case Loop l -> l.get(name);
      case MarkedText t -> Methods.of(t, name);
      case Map<?, ?> m -> Methods.of(m, name);
      case Items i -> Methods.of(i, name);
      default -> null;
    };
    return found != null ? found : new Undefined("a " + Values.type(value) + " has no '" + name + "'");
  }

  private String shown(Object key) {
    return key instanceof None || key instanceof Number || key instanceof Boolean
        ? Values.text(budget, key).text() : "of that kind";
  }
}
