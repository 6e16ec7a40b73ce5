package dev.sphere.trainer;

import java.lang.reflect.RecordComponent;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;

/** Records as names and values, so that a test can say which of them differ. */
public final class Flat {
  private Flat() {}

  /** Every value in a record, by the names of the components that lead to it, joined with points. */
  public static Map<String, String> of(Object value) {
    Map<String, String> all = new LinkedHashMap<>();
    add("", value, all);
    return all;
  }

  private static void add(String name, Object value, Map<String, String> all) {
    if (!(value instanceof Record)) {
      all.put(name, String.valueOf(value instanceof java.util.Set<?> s ? new java.util.TreeSet<>(s) : value));
      return;
    }
    all.put(name, value.getClass().getSimpleName());
    for (RecordComponent c : value.getClass().getRecordComponents()) {
      try {
        var accessor = c.getAccessor();
        accessor.setAccessible(true);
        add(name.isEmpty() ? c.getName() : name + "." + c.getName(), accessor.invoke(value), all);
      } catch (ReflectiveOperationException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  /** What is different in the second record, by name. */
  public static Map<String, String> changes(Map<String, String> before, Map<String, String> after) {
    Map<String, String> changes = new TreeMap<>();
    after.forEach((name, value) -> {
      if (!value.equals(before.get(name))) {
        changes.put(name, value);
      }
    });
    before.keySet().stream().filter(name -> !after.containsKey(name)).forEach(name -> changes.put(name, "gone"));
    return changes;
  }
}
