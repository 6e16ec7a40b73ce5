package dev.sphere.engine.template;

import java.util.HashMap;
import java.util.Map;

/** Variables of a loop, a macro or a block, over those around it. */
final class Scope {
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
