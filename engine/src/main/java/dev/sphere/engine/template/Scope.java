package dev.sphere.engine.template;

import java.util.HashMap;
import java.util.Map;

/** The variables of a template, a loop or a macro, on top of the variables around it. */
final class Scope {
  final RenderBudget budget;
  private final Map<String, Object> values = new HashMap<>();
  private final Scope outside; // null for the outermost scope

  /** The outermost scope of a rendering. */
  Scope(RenderBudget budget) {
    this.budget = budget;
    this.outside = null;
  }

  /** A scope inside another. */
  Scope(Scope outside) {
    this.budget = outside.budget;
    this.outside = outside;
  }

  /** A variable's value; {@link Values.Undefined} where no variable has that name. */
  Object get(String name) {
    for (Scope s = this; s != null; s = s.outside) {
      Object value = s.values.get(name);
      if (value != null) {
        return value;
      }
    }
    return new Values.Undefined("'" + name + "' is undefined");
  }

  void set(String name, Object value) {
    values.put(name, value);
  }
}
