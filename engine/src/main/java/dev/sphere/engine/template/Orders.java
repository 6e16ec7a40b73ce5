package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;
import dev.sphere.engine.template.Values.Items;
import dev.sphere.engine.template.Values.None;
import dev.sphere.engine.template.Values.Undefined;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The filters that put values in order. Letters count alike in both cases unless asked otherwise. */
final class Orders {
  private Orders() {}

  /** What a value is compared by. */
  private static Object keyOf(Args args, Object value, Object attribute, boolean caseSensitive) {
    Object key = attribute == null || attribute == None.NONE
        ? value : ContainerMethods.path(args, value, attribute);
    if (caseSensitive || !(key instanceof MarkedText t)) {
      return key;
    }
    args.budget().spendText(t.length());
    return MarkedText.of(t.text().toLowerCase(Locale.ROOT));
  }

  private record Keyed(Object key, Object value) {}

  private static List<Object> sorted(
      Args args, List<Object> values, Object attribute, boolean caseSensitive, boolean reverse) {
    args.budget().spendElements(2L * values.size());
    List<Keyed> keyed = new ArrayList<>();
    for (Object value : values) {
      keyed.add(new Keyed(keyOf(args, value, attribute, caseSensitive), value));
    }
    Comparator<Keyed> order = (a, b) -> {
      args.budget().spend(1);
      int c = Values.compare(args.budget(), a.key, b.key);
      return c == 2 ? 0 : c;
    };
    try {
      keyed.sort(reverse ? order.reversed() : order);
    } catch (IllegalArgumentException e) { // by numbers that are none, no order holds
      throw e instanceof TemplateException ? e : args.error("finds no order in these values");
    }
    return new ArrayList<>(keyed.stream().map(Keyed::value).toList());
  }

  static Object sort(Object value, Args args) {
    Object[] given = args.bind("reverse", "case_sensitive", "attribute");
    return Items.list(sorted(
        args, Values.elements(args.budget(), value), given[2], Args.isTrue(given[1]), Args.isTrue(given[0])));
  }

  static Object dictsort(Object value, Args args) {
    Object[] given = args.bind("case_sensitive", "by", "reverse");
    String by = given[1] == null ? "key" : args.text(given[1]).text();
    if (!(value instanceof Map<?, ?> map) || !by.equals("key") && !by.equals("value")) {
      throw args.error(value instanceof Map ? "sorts by key or by value"
          : "needs a dict, not a " + Values.type(Values.defined(args.budget(), value)));
    }
    return Items.list(sorted(args, ContainerMethods.items(args.budget(), map).elements, by.equals("key") ? 0L : 1L,
        Args.isTrue(given[0]), Args.isTrue(given[2])));
  }

  static Object unique(Object value, Args args) {
    Object[] given = args.bind("case_sensitive", "attribute");
    java.util.Set<Object> seen = new java.util.HashSet<>();
    List<Object> taken = new ArrayList<>();
    for (Object element : Values.elements(args.budget(), value)) {
      Object key = keyOf(args, element, given[1], Args.isTrue(given[0]));
      args.budget().spendElements(2);
      if (seen.add(Values.key(args.budget(), key))) {
        taken.add(element);
      }
    }
    return new Items(Items.Kind.STREAM, taken);
  }

  static Object extreme(Object value, Args args, boolean largest) {
    Object[] given = args.bind("case_sensitive", "attribute");
    Object best = null;
    Object bestKey = null;
    for (Object element : Values.elements(args.budget(), value)) {
      args.budget().spend(1);
      Object key = keyOf(args, element, given[1], Args.isTrue(given[0]));
      if (best == null || Values.compare(args.budget(), key, bestKey) == (largest ? 1 : -1)) {
        best = element;
        bestKey = key;
      }
    }
    return best == null ? new Undefined("there is no element") : best;
  }
}
