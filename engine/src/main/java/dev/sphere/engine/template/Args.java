package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;
import java.util.List;
import java.util.Map;

/**
 * The arguments of one call.
 *
 * @param name of the function, in messages
 * @param positional the arguments without a name, in order
 * @param named the arguments with a name
 */
record Args(RenderBudget budget, String name, List<Object> positional, Map<String, Object> named) {
  TemplateException error(String message) {
    return budget.error("'" + name + "' " + message);
  }

  /** The arguments in the order of the parameters, null for each that is not given. */
  Object[] bind(String... parameters) {
    if (positional.size() > parameters.length) {
      throw error("takes " + parameters.length + " arguments, not " + positional.size());
    }
    Object[] values = positional.toArray(new Object[parameters.length]);
    named.forEach((parameter, value) -> {
      int at = List.of(parameters).indexOf(parameter);
      if (at < 0 || values[at] != null) {
        throw error(at < 0 ? "has no argument '" + parameter + "'" : "has the argument '" + parameter + "' twice");
      }
      values[at] = value;
    });
    return values;
  }

  /** The only argument. */
  Object one(String parameter) {
    return required(bind(parameter)[0]);
  }

  /** No argument at all. */
  void none() {
    bind();
  }

  Object required(Object value) {
    if (value == null) {
      throw error("needs an argument");
    }
    return value;
  }

  MarkedText text(Object value) {
    if (required(value) instanceof MarkedText t) {
      return t;
    }
    throw error("needs a text, not a " + Values.type(Values.defined(budget, value)));
  }

  long integer(Object value) {
    Long n = Values.integer(required(value));
    if (n == null) {
      throw error("needs an integer, not a " + Values.type(Values.defined(budget, value)));
    }
    return n;
  }

  /** True for an argument that is given and true. */
  static boolean isTrue(Object value) {
    return value != null && Values.isTrue(value);
  }

  /** The elements that a function runs over. */
  List<?> elements(Object value) {
    return Values.elements(budget, value);
  }

  /** The arguments without the first {@code n}, for another function. */
  Args after(int n, String other) {
    budget.spend(positional.size());
    return new Args(budget, other, positional.subList(n, positional.size()), named);
  }
}
