package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;
import dev.sphere.engine.template.Values.Function;
import dev.sphere.engine.template.Values.Items;
import dev.sphere.engine.template.Values.Namespace;
import dev.sphere.engine.template.Values.None;
import dev.sphere.engine.template.Values.Undefined;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Runs statements. One rendering, one thread. */
final class Interpreter {
  /** Whether a body ended on its own or left its loop. */
  private enum Signal {
    ON,
    BREAK,
    CONTINUE
  }

  final Budget budget;
  private final Evaluator evaluator;

  Interpreter(Budget budget) {
    this.budget = budget;
    this.evaluator = new Evaluator(this);
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
      case Statement.Print s -> write(Values.text(budget, evaluator.value(s.value(), scope)), out);
      case Statement.If s -> {
        for (int i = 0; i < s.conditions().size(); i++) {
          if (Values.isTrue(evaluator.value(s.conditions().get(i), scope))) {
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
        Object result = evaluator.call(s.call(), scope, macro(s.caller(), scope));
        write(Values.text(budget, result), out);
      }
      case Statement.With s -> {
        Scope inner = new Scope(scope);
        List<Object> values = s.values().stream().map(v -> evaluator.value(v, scope)).toList();
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
    if ((long) out.length() + text.length() > Budget.LONGEST_TEXT) {
      throw budget.error("the template writes more than " + Budget.LONGEST_TEXT + " characters");
    }
    out.append(text);
  }

  private Signal loop(Statement.For s, Scope scope, MarkedText.Builder out) {
    List<Object> elements =
        Values.elements(budget, evaluator.value(s.over(), scope));
    if (s.condition() != null) {
      List<Object> taken = new ArrayList<>();
      for (Object element : elements) {
        Scope inner = new Scope(scope);
        assign(s.targets(), element, inner);
        if (Values.isTrue(evaluator.value(s.condition(), inner))) {
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
    Object value = evaluator.value(s.value(), scope);
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
    inner.set(ExpressionParser.CAPTURED, captured.build());
    Object value = evaluator.value(s.value(), inner);
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
              : evaluator.value(s.defaults().get(i - firstDefault), inner);
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
      Map<Object, Object> rest = new java.util.LinkedHashMap<>();
      named.forEach((k, v) -> rest.put(MarkedText.of(k), v));
      inner.set("kwargs", rest);
      MarkedText.Builder out = new MarkedText.Builder();
      run(s.body(), inner, out);
      return out.build();
    };
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
      case MarkedText t -> TextMethods.of(t, name);
      case Map<?, ?> m -> ContainerMethods.of(m, name);
      case Items i -> ContainerMethods.of(i, name);
      default -> null;
    };
    return found != null ? found : new Undefined("a " + Values.type(value) + " has no '" + name + "'");
  }

  private String shown(Object key) {
    return key instanceof None || key instanceof Number || key instanceof Boolean
        ? Values.text(budget, key).text() : "of that kind";
  }
}
