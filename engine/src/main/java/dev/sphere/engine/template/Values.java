package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * The values of a template: {@link MarkedText}, Long, Boolean, {@link None}, {@link Undefined}, List, {@link Generator},
 * Map (a dict, whose keys are texts and integers), {@link Namespace}, {@link Loop}, {@link Function}. Truth, equality,
 * order and printing are Python's. Numbers are integers of 64 bits.
 */
final class Values {
  private Values() {}

  /** Python's None. */
  enum None {
    NONE
  }

  /** The value of a missing name or element. It prints as nothing; most other uses are errors with this reason. */
  record Undefined(String reason) {}

  /** The result of a filter that runs over elements, as in Jinja2: true even when empty, and read once. */
  record Generator(List<Object> elements) {
    List<Object> read() {
      List<Object> all = List.copyOf(elements);
      elements.clear();
      return all;
    }
  }

  /** A namespace: its attributes can be set from within a loop. */
  record Namespace(Map<String, Object> values) {}

  /** A function, a macro or a method with its object. */
  interface Function {
    Object call(Args args);
  }

  /** The variable {@code loop}. */
  record Loop(List<?> elements, int at) {
    /** An attribute; null where loops have no attribute of that name. */
    Object attribute(String name) {
      int length = elements.size();
      return switch (name) {
        case "index" -> at + 1L;
        case "index0" -> (long) at;
        case "revindex" -> (long) length - at;
        case "revindex0" -> length - at - 1L;
        case "first" -> at == 0;
        case "last" -> at == length - 1;
        case "length" -> (long) length;
        case "previtem" -> at == 0 ? new Undefined("there is no previous item") : elements.get(at - 1);
        case "nextitem" -> at == length - 1 ? new Undefined("there is no next item") : elements.get(at + 1);
        default -> null;
      };
    }
  }

  /** White space as Python defines it. */
  static boolean isSpace(int c) {
    return c == ' ' || c >= 9 && c <= 13 || c >= 0x1c && c <= 0x1f || c == 0x85 || c == 0xa0 || c == 0x1680
        || c >= 0x2000 && c <= 0x200a || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
  }

  static boolean isTrue(Object value) {
    return switch (value) {
      case Boolean b -> b;
      case MarkedText t -> t.length() > 0;
      case Long n -> n != 0;
      case None n -> false;
      case Undefined u -> false;
      case List<?> l -> !l.isEmpty();
      case Map<?, ?> m -> !m.isEmpty();
      default -> true;
    };
  }

  /** Python's name of a value's type. */
  static String type(Object value) {
    return switch (value) {
      case Boolean b -> "bool";
      case MarkedText t -> "str";
      case Long n -> "int";
      case None n -> "None";
      case Undefined u -> "undefined";
      case List<?> l -> "list";
      case Generator g -> "generator";
      case Map<?, ?> m -> "dict";
      case Namespace n -> "namespace";
      case Loop l -> "loop";
      default -> "function";
    };
  }

  /** Returns the value; an error if it is undefined. */
  static Object defined(RenderBudget budget, Object value) {
    if (value instanceof Undefined u) {
      throw budget.error(u.reason());
    }
    return value;
  }

  /** An integer; null for any other value. Booleans count as 0 and 1. */
  static Long integer(Object value) {
    return value instanceof Boolean b ? Long.valueOf(b ? 1 : 0) : value instanceof Long n ? n : null;
  }

  static boolean equal(RenderBudget budget, Object a, Object b) {
    Long x = integer(a);
    Long y = integer(b);
    if (x != null && y != null) {
      return x.equals(y);
    }
    if (a instanceof MarkedText s && b instanceof MarkedText t) {
      budget.spend(s.length() == t.length() ? s.length() : 0);
      return s.equals(t);
    }
    if (a instanceof List<?> s && b instanceof List<?> t) {
      return equal(budget, s, t);
    }
    if (a instanceof Map<?, ?> s && b instanceof Map<?, ?> t) {
      List<Object> others = new ArrayList<>();
      s.keySet().forEach(key -> others.add(get(budget, t, key)));
      return s.size() == t.size() && !others.contains(null) && equal(budget, new ArrayList<>(s.values()), others);
    }
    return a == b || a instanceof Undefined && b instanceof Undefined;
  }

  private static boolean equal(RenderBudget budget, List<?> a, List<?> b) {
    budget.enter();
    boolean same = a.size() == b.size();
    for (int i = 0; same && i < a.size(); i++) {
      budget.spend(1);
      same = equal(budget, a.get(i), b.get(i));
    }
    budget.leave();
    return same;
  }

  /** The order of two integers or of two texts (by code points): negative, 0 or positive. */
  static int compare(RenderBudget budget, Object a, Object b) {
    Long x = integer(a);
    Long y = integer(b);
    if (x != null && y != null) {
      return x.compareTo(y);
    }
    if (a instanceof MarkedText s && b instanceof MarkedText t) {
      budget.spend((long) s.length() + t.length());
      return Arrays.compare(s.text().codePoints().toArray(), t.text().codePoints().toArray());
    }
    throw budget.error("a " + type(defined(budget, a)) + " and a " + type(defined(budget, b)) + " have no order");
  }

  /** A dict's element; null where it has no such key. */
  static Object get(RenderBudget budget, Map<?, ?> map, Object key) {
    budget.spendElements(1);
    budget.spend(key instanceof MarkedText text ? text.length() : 0);
    Long index = integer(key);
    return key instanceof MarkedText ? map.get(key) : index != null ? map.get(index) : null;
  }

  /** The elements that a loop or a filter runs over. */
  static List<?> elements(RenderBudget budget, Object value) {
    return switch (value) {
      case List<?> l -> l;
      case Generator g -> g.read();
      case Undefined u -> List.of();
      case Map<?, ?> m -> {
        budget.spendElements(m.size());
        yield new ArrayList<>(m.keySet());
      }
      default -> throw budget.error("a " + type(value) + " has no elements that templates run over");
    };
  }

  /** A dict's key and value pairs. */
  static List<List<Object>> items(RenderBudget budget, Map<?, ?> map) {
    budget.spendElements(3L * map.size());
    List<List<Object>> pairs = new ArrayList<>();
    map.forEach((key, value) -> pairs.add(List.of(key, value)));
    return pairs;
  }

  /** A value as a template prints it. */
  static MarkedText text(RenderBudget budget, Object value) {
    return switch (value) {
      case MarkedText t -> t;
      case Undefined u -> MarkedText.of("");
      case None n -> MarkedText.of("None");
      case Boolean b -> MarkedText.of(b ? "True" : "False");
      case Long n -> MarkedText.of(n.toString());
      default -> throw budget.error("a " + type(value) + " cannot be printed; a list or a dict can with |tojson");
    };
  }

  /** The value of {@code value.name}: a method or an attribute, else a dict's element. */
  static Object attribute(RenderBudget budget, Object value, String name) {
    Object found = own(budget, defined(budget, value), name);
    if (found == null && value instanceof Map<?, ?> m) {
      found = m.get(MarkedText.of(name));
    }
    return found != null ? found : new Undefined("a " + type(value) + " has no '" + name + "'");
  }

  /** The value of {@code value[key]}: an element, else a method or an attribute. */
  static Object element(RenderBudget budget, Object value, Object key) {
    Object found = defined(budget, value) instanceof Map<?, ?> m ? get(budget, m, key) : null;
    if (found != null || key instanceof MarkedText) {
      return found != null ? found : attribute(budget, value, key.toString());
    }
    Long index = integer(key);
    if (index == null || !(value instanceof List<?> || value instanceof MarkedText)) {
      return new Undefined("a " + type(value) + " has no such element");
    }
    int length = length(budget, value);
    long at = index < 0 ? index + length : index;
    if (at < 0 || at >= length) {
      return new Undefined("the " + type(value) + " has no element " + index);
    }
    int place = (int) at;
    return value instanceof List<?> l ? l.get(place) : Texts.part(budget, (MarkedText) value, place, place + 1);
  }

  /** The number of a value's elements, or of a text's characters as Python counts them: code points. */
  static int length(RenderBudget budget, Object value) {
    return switch (value) {
      case MarkedText t -> {
        budget.spend(t.length());
        yield t.text().codePointCount(0, t.length());
      }
      case List<?> l -> l.size();
      case Map<?, ?> m -> m.size();
      case Undefined u -> 0;
      default -> throw budget.error("a " + type(value) + " has no length");
    };
  }

  /** The value of {@code value[from:to]}: the elements or characters from one index up to another. */
  static Object slice(RenderBudget budget, Object value, Object from, Object to) {
    int length = length(budget, defined(budget, value));
    int begin = bound(budget, from, length);
    int end = Math.max(begin, bound(budget, to, length));
    return switch (value) {
      case MarkedText t -> Texts.part(budget, t, begin, end);
      case List<?> l -> {
        budget.spendElements(end - begin);
        yield new ArrayList<>(l.subList(begin, end));
      }
      default -> throw budget.error("a " + type(value) + " has no slices");
    };
  }

  private static int bound(RenderBudget budget, Object bound, int length) {
    Long n = integer(defined(budget, bound));
    if (n == null) {
      throw budget.error("a slice needs integers, not a " + type(bound));
    }
    return Math.clamp(n < 0 ? n + length : n, 0, length);
  }

  /** The value of {@code value[::-1]}: a list backwards. */
  static Object reversed(RenderBudget budget, Object value) {
    if (slice(budget, value, 0L, Long.MAX_VALUE) instanceof List<?> l) {
      return l.reversed();
    }
    throw budget.error("[::-1] turns lists only, not a " + type(value));
  }

  private static Object own(RenderBudget budget, Object value, String name) {
    if (name.startsWith("_")) {
      throw budget.error("'" + name + "' is not open to templates: names that begin with _ are not");
    }
    return switch (value) {
      case Namespace n -> n.values.get(name);
      case Loop l -> l.attribute(name);
      case MarkedText t -> Texts.method(t, name);
      case Map<?, ?> m -> method(m, name);
      default -> null;
    };
  }

  /** A dict's method; null where dicts have no method of that name. */
  private static Function method(Map<?, ?> map, String name) {
    return switch (name) {
      case "get" -> args -> {
        Object[] given = args.bind("key", "default");
        Object found = get(args.budget(), map, args.required(given[0]));
        return found != null ? found : given[1] != null ? given[1] : None.NONE;
      };
      case "items" -> args -> {
        args.none();
        return items(args.budget(), map);
      };
      case "keys" -> args -> {
        args.none();
        return elements(args.budget(), map);
      };
      default -> null;
    };
  }
}
