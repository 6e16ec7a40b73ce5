package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;
import dev.sphere.engine.template.Values.Function;
import dev.sphere.engine.template.Values.Items;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The methods of dicts and lists. Those that would change one are refused, as in Jinja2's immutable sandbox. */
final class ContainerMethods {
  private static final Set<String> CHANGE_DICTS = Set.of("clear", "pop", "popitem", "setdefault", "update");
  private static final Set<String> CHANGE_LISTS =
      Set.of("append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort");

  private ContainerMethods() {}

  /** A method of a dict; null for one that dicts have not. */
  static Function of(Map<?, ?> map, String name) {
    return switch (name) {
      case "get" -> args -> {
        Object[] given = args.bind("key", "default");
        if (given[0] == null) {
          throw args.error("needs a key");
        }
        Object found = map.get(Values.key(args.budget(), given[0]));
        return found != null ? found : given[1] != null ? given[1] : Values.None.NONE;
      };
      case "items" -> args -> {
        args.none();
        return items(args.budget(), map);
      };
      case "keys" -> args -> {
        args.none();
        args.budget().spendElements(map.size());
        return Items.list(new ArrayList<>(map.keySet()));
      };
      case "values" -> args -> {
        args.none();
        args.budget().spendElements(map.size());
        return Items.list(new ArrayList<>(map.values()));
      };
      case "copy" -> args -> {
        args.none();
        args.budget().spendElements(2L * map.size());
        return new LinkedHashMap<>(map);
      };
      default -> CHANGE_DICTS.contains(name) ? refused(name, "dict") : null;
    };
  }

  /** Key and value of each entry, as tuples. */
  static Items items(Budget budget, Map<?, ?> map) {
    budget.spendElements(3L * map.size());
    List<Object> pairs = new ArrayList<>();
    map.forEach((k, v) -> pairs.add(new Items(Items.Kind.TUPLE, List.of(k, v))));
    return Items.list(pairs);
  }

  /** A method of a list; null for one that lists have not. */
  static Function of(Items items, String name) {
    boolean list = items.kind == Items.Kind.LIST;
    if (items.kind == Items.Kind.STREAM) {
      return null;
    }
    return switch (name) {
      case "index" -> args -> {
        Object wanted = args.one("value");
        for (int i = 0; i < items.elements.size(); i++) {
          args.budget().spend(1);
          if (Values.equal(args.budget(), items.elements.get(i), wanted)) {
            return (long) i;
          }
        }
        throw args.error("does not find the value in the list");
      };
      case "count" -> args -> {
        Object wanted = args.one("value");
        long count = 0;
        for (Object element : items.elements) {
          args.budget().spend(1);
          count += Values.equal(args.budget(), element, wanted) ? 1 : 0;
        }
        return count;
      };
      case "copy" -> list ? args -> {
        args.none();
        args.budget().spendElements(items.elements.size());
        return Items.list(new ArrayList<>(items.elements));
      } : null;
      default -> list && CHANGE_LISTS.contains(name) ? refused(name, "list") : null;
    };
  }

  private static Function refused(String name, String of) {
    return args -> {
      throw args.error("changes a " + of + ", which templates may not: make a new one");
    };
  }

  /** A value by a path with dots, as filters name attributes. */
  static Object path(Args args, Object value, Object path) {
    if (Values.number(path) instanceof Long) {
      return args.interpreter().element(value, path);
    }
    Object found = value;
    String rest = args.text(path).text();
    while (true) {
      int dot = rest.indexOf('.');
      String name = dot < 0 ? rest : rest.substring(0, dot);
      boolean index = !name.isEmpty() && name.length() < 10 && name.chars().allMatch(c -> c >= '0' && c <= '9');
      args.budget().spend(rest.length());
      found = args.interpreter().element(found, index ? (Object) Long.valueOf(name) : MarkedText.of(name));
      if (dot < 0) {
        return found;
      }
      rest = rest.substring(dot + 1);
    }
  }
}
