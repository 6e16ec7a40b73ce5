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
  Budget budget() {
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
