package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The arguments of one call.
 *
 * @param what names the function in messages
 * @param positional those without a name, in order
 * @param named those with one
 */
record Args(Interpreter interpreter, String what, List<Object> positional, Map<String, Object> named) {
  RenderBudget budget() {
    return interpreter.budget;
  }

  TemplateException error(String message) {
    return budget().error("'" + what + "' " + message);
  }

  /** The arguments in the order of their names, null for each that is not given. */
  Object[] bind(String... names) {
    if (positional.size() > names.length) {
      throw error("takes " + names.length + " arguments, not " + positional.size());
    }
    Object[] values = new Object[names.length];
    for (int i = 0; i < positional.size(); i++) {
      values[i] = positional.get(i);
    }
    for (Map.Entry<String, Object> e : named.entrySet()) {
      int at = List.of(names).indexOf(e.getKey());
      if (at < 0 || values[at] != null) {
        throw error(at < 0 ? "has no argument '" + e.getKey() + "'" : "has the argument '" + e.getKey() + "' twice");
      }
      values[at] = e.getValue();
    }
    return values;
  }

  /** The only argument. */
  Object one(String name) {
    Object value = bind(name)[0];
    if (value == null) {
      throw error("needs an argument");
    }
    return value;
  }

  /** No argument at all. */
  void none() {
    bind();
  }

  MarkedText text(Object value) {
    if (value instanceof MarkedText t) {
      return t;
    }
    throw error("needs a text" + (value == null ? "" : ", not a " + Values.type(Values.defined(budget(), value))));
  }

  /** An integer; {@code otherwise} where the argument is not given. */
  long integer(Object value, long otherwise) {
    if (value == null) {
      return otherwise;
    }
    if (Values.number(value) instanceof Long n) {
      return n;
    }
    throw error("needs an integer, not a " + Values.type(Values.defined(budget(), value)));
  }

  /** An integer where none is given, or none means no limit. */
  int limit(Object value) {
    long n = value == Values.None.NONE ? -1 : integer(value, -1);
    return n < 0 ? Integer.MAX_VALUE : (int) Math.min(n, Integer.MAX_VALUE);
  }

  /** True for an argument that is not given, or given as none. */
  static boolean isAbsent(Object value) {
    return value == null || value == Values.None.NONE;
  }

  /** The elements of what a function runs over. */
  List<Object> elements(Object value) {
    return Values.elements(budget(), value);
  }

  /** A value by a path with dots, as filters name attributes. */
  Object at(Object value, Object path) {
    if (Values.number(path) instanceof Long) {
      return interpreter.element(value, path);
    }
    Object found = value;
    String rest = text(path).text();
    while (true) {
      int dot = rest.indexOf('.');
      String name = dot < 0 ? rest : rest.substring(0, dot);
      boolean index = !name.isEmpty() && name.length() < 10 && name.chars().allMatch(c -> c >= '0' && c <= '9');
      budget().spend(rest.length());
      found = interpreter.element(found, index ? (Object) Long.valueOf(name) : MarkedText.of(name));
      if (dot < 0) {
        return found;
      }
      rest = rest.substring(dot + 1);
    }
  }

  /** True for an argument that is given and true. */
  static boolean isTrue(Object value) {
    return value != null && Values.isTrue(value);
  }

  /** These arguments without the first {@code n}, for another function. */
  Args after(int n, String other) {
    int from = Math.min(n, positional.size());
    budget().spend(positional.size());
    return new Args(interpreter, other, new ArrayList<>(positional.subList(from, positional.size())), named);
  }
}
