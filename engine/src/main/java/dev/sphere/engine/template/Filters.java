package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;
import dev.sphere.engine.template.Values.Items;
import dev.sphere.engine.template.Values.Undefined;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * The filters: Jinja2's that chat templates use, and Hugging Face's {@code tojson}. Where values are put in order, letters
 * count alike in both cases unless asked otherwise.
 */
final class Filters {
  private interface Filter {
    Object apply(Object value, Args args);
  }

  private static final Map<String, Filter> ALL = Map.ofEntries(
      Map.entry("trim", (v, a) -> Methods.strip(text(v, a), a, true, true)),
      Map.entry("length", Filters::length),
      Map.entry("count", Filters::length),
      Map.entry("first", (v, a) -> end(v, a, true)),
      Map.entry("last", (v, a) -> end(v, a, false)),
      Map.entry("join", Filters::join),
      Map.entry("default", Filters::otherwise),
      Map.entry("d", Filters::otherwise),
      Map.entry("tojson", JsonFilter::dump),
      Map.entry("string", Filters::plain),
      Map.entry("safe", Filters::plain),
      Map.entry("escape", Filters::escape),
      Map.entry("e", Filters::escape),
      Map.entry("upper", (v, a) -> Methods.mapped(text(v, a), a, s -> s.toUpperCase(Locale.ROOT))),
      Map.entry("lower", (v, a) -> Methods.mapped(text(v, a), a, s -> s.toLowerCase(Locale.ROOT))),
      Map.entry("capitalize", (v, a) -> Methods.mapped(text(v, a), a, Texts::capitalized)),
      Map.entry("title", (v, a) -> Methods.mapped(text(v, a), a, s -> Texts.title(s, c -> Values.isSpace(c) || "-({[<".indexOf(c) >= 0))),
      Map.entry("replace", (v, a) -> {
        Object[] given = a.bind("old", "new", "count");
        if (given[0] == null || given[1] == null) {
          throw a.error("needs an old and a new text");
        }
        return Texts.replace(a.budget(), text(v, a), text(given[0], a), text(given[1], a), a.limit(given[2]));
      }),
      Map.entry("indent", Filters::indent),
      Map.entry("format", (v, a) -> Formats.percent(a.budget(), text(v, a), a.named().isEmpty()
          ? new Items(Items.Kind.TUPLE, a.positional()) : new Undefined("'format' takes no names"))),
      Map.entry("int", Filters::integer),
      Map.entry("float", Filters::real),
      Map.entry("abs", (v, a) -> {
        a.none();
        return Values.number(v) instanceof Long n
            ? Long.valueOf(n == Long.MIN_VALUE ? overflow(a) : Math.abs(n)) : (Object) Math.abs(number(v, a));
      }),
      Map.entry("round", Filters::round),
      Map.entry("list", (v, a) -> {
        a.none();
        return Methods.list(a.budget(), a.elements(v));
      }),
      Map.entry("items", (v, a) -> {
        a.none();
        if (v instanceof Undefined) {
          return Items.list(List.of());
        }
        if (v instanceof Map<?, ?> m) {
          return Methods.items(a.budget(), m);
        }
        throw a.error("needs a dict, not a " + Values.type(v));
      }),
      Map.entry("reverse", (v, a) -> {
        a.none();
        if (v instanceof MarkedText t) {
          return Texts.reversed(a.budget(), t);
        }
        List<Object> elements = new ArrayList<>(a.elements(v));
        a.budget().spendElements(elements.size());
        return new Items(Items.Kind.STREAM, elements.reversed());
      }),
      Map.entry("dictsort", Filters::dictsort),
      Map.entry("sort", Filters::sort),
      Map.entry("unique", Filters::unique),
      Map.entry("min", (v, a) -> extreme(v, a, false)),
      Map.entry("max", (v, a) -> extreme(v, a, true)),
      Map.entry("sum", Filters::sum),
      Map.entry("map", Filters::map),
      Map.entry("select", (v, a) -> select(v, a, false, true)),
      Map.entry("reject", (v, a) -> select(v, a, false, false)),
      Map.entry("selectattr", (v, a) -> select(v, a, true, true)),
      Map.entry("rejectattr", (v, a) -> select(v, a, true, false)));

  private Filters() {}

  /**
   * Applies a filter.
   *
   * @throws TemplateException when there is no such filter, or its arguments do not fit
   */
  static Object apply(String name, Object value, Args args) {
    Filter filter = ALL.get(name);
    if (filter == null) {
      throw args.budget().error("the filter '" + name + "' is not known to chat templates");
    }
    return filter.apply(value, args);
  }

  private static long overflow(Args args) {
    throw args.error("has a result that is no integer of 64 bits");
  }

  private static MarkedText text(Object value, Args args) {
    return Values.text(args.budget(), value);
  }

  private static MarkedText plain(Object value, Args args) {
    args.none();
    return text(value, args);
  }

  private static Object length(Object value, Args args) {
    args.none();
    return switch (value) {
      case MarkedText t -> (long) Texts.length(args.budget(), t);
      case Items i when i.kind != Items.Kind.STREAM -> (long) i.elements.size();
      case Map<?, ?> m -> (long) m.size();
      case Undefined u -> 0L;
      default -> throw args.error("is not known for a " + Values.type(value));
    };
  }

  private static Object end(Object value, Args args, boolean first) {
    args.none();
    List<Object> elements = args.elements(value);
    return elements.isEmpty()
        ? new Undefined("there is no " + (first ? "first" : "last") + " element")
        : first ? elements.getFirst() : elements.getLast();
  }

  private static Object join(Object value, Args args) {
    Object[] given = args.bind("d", "attribute");
    List<MarkedText> parts = new ArrayList<>();
    for (Object element : args.elements(value)) {
      args.budget().spendElements(1);
      parts.add(text(given[1] == null ? element : args.at(element, given[1]), args));
    }
    return Texts.join(args.budget(), given[0] == null ? MarkedText.of("") : text(given[0], args), parts);
  }

  private static Object otherwise(Object value, Args args) {
    Object[] given = args.bind("default_value", "boolean");
    boolean missing = value instanceof Undefined || Args.isTrue(given[1]) && !Values.isTrue(value);
    return !missing ? value : given[0] == null ? MarkedText.of("") : given[0];
  }

  private static Object escape(Object value, Args args) {
    MarkedText t = plain(value, args);
    args.budget().spendText(6L * t.length());
    MarkedText.Builder out = new MarkedText.Builder();
    for (int i = 0; i < t.length(); i++) {
      String entity = switch (t.text().charAt(i)) {
        case '&' -> "&amp;";
        case '<' -> "&lt;";
        case '>' -> "&gt;";
        case '\'' -> "&#39;";
        case '"' -> "&#34;";
        default -> null;
      };
      if (entity == null) {
        out.append(t, i, i + 1);
      } else {
        out.append(entity, t.substring(i, i + 1));
      }
    }
    return out.build();
  }

  private static Object indent(Object value, Args args) {
    Object[] given = args.bind("width", "first", "blank");
    RenderBudget budget = args.budget();
    MarkedText by = given[0] instanceof MarkedText t
        ? t : Texts.repeat(budget, MarkedText.of(" "), args.integer(given[0], 4));
    MarkedText s = text(value, args);
    List<Object> lines = Texts.lines(budget, Texts.concat(budget, s, MarkedText.of("\n")), false);
    List<MarkedText> parts = new ArrayList<>();
    for (int i = 0; i < lines.size(); i++) {
      MarkedText line = (MarkedText) lines.get(i);
      boolean indented = i == 0 ? Args.isTrue(given[1]) : line.length() > 0 || Args.isTrue(given[2]);
      parts.add(indented ? Texts.concat(budget, by, line) : line);
    }
    return Texts.join(budget, MarkedText.of("\n"), parts);
  }

  private static Object integer(Object value, Args args) {
    Object[] given = args.bind("default", "base");
    Object otherwise = given[0] == null ? (Object) 0L : given[0];
    if (args.integer(given[1], 10) != 10) {
      throw args.error("knows the base 10 only");
    }
    Object n = value instanceof MarkedText t ? parsed(t.text(), args) : Values.number(value);
    if (n instanceof Double d) {
      return Double.isNaN(d) || Double.isInfinite(d) ? otherwise
          : Math.abs(d) >= 0x1p63 ? (Object) overflow(args) : (Object) d.longValue();
    }
    return n == null ? otherwise : n;
  }

  /** A text as a number; null where it is none. */
  private static Number parsed(String text, Args args) {
    args.budget().spend(text.length());
    String s = text.strip();
    if (s.isEmpty() || s.length() > 400 || !s.chars().allMatch(c -> "0123456789+-._eE".indexOf(c) >= 0)
        || s.startsWith("_") || s.endsWith("_") || s.contains("__")) {
      return null;
    }
    String digits = s.replace("_", "");
    try {
      return Long.valueOf(digits);
    } catch (NumberFormatException e) {
      try {
        return Double.valueOf(digits);
      } catch (NumberFormatException none) {
        return null;
      }
    }
  }

  private static Object real(Object value, Args args) {
    Object[] given = args.bind("default");
    Number n = value instanceof MarkedText t ? parsed(t.text(), args) : Values.number(value);
    return n != null ? (Object) n.doubleValue() : given[0] == null ? (Object) 0.0 : given[0];
  }

  private static double number(Object value, Args args) {
    Number n = Values.number(value);
    if (n == null) {
      throw args.error("needs a number, not a " + Values.type(Values.defined(args.budget(), value)));
    }
    return n.doubleValue();
  }

  private static Object round(Object value, Args args) {
    Object[] given = args.bind("precision", "method");
    double d = number(value, args);
    long places = args.integer(given[0], 0);
    String method = given[1] == null ? "common" : args.text(given[1]).text();
    if (Math.abs(places) > 300) {
      throw args.error("takes at most 300 places");
    }
    args.budget().spend(2 * Math.abs(places)); // digits that are computed
    if (method.equals("common") && Values.number(value) instanceof Long n) { // an integer stays one
      return places >= 0 ? n : places < -18 ? (Object) 0L
          : (Object) new BigDecimal(n).setScale((int) places, RoundingMode.HALF_EVEN).longValue();
    }
    if (method.equals("common")) {
      return Double.isNaN(d) || Double.isInfinite(d)
          ? d : new BigDecimal(d).setScale((int) places, RoundingMode.HALF_EVEN).doubleValue();
    }
    double scale = Math.pow(10, places);
    return switch (method) {
      case "ceil" -> Math.ceil(d * scale) / scale;
      case "floor" -> Math.floor(d * scale) / scale;
      default -> throw args.error("knows the methods common, ceil and floor");
    };
  }

  private static Object sum(Object value, Args args) {
    Object[] given = args.bind("attribute", "start");
    Object total = given[1] == null ? (Object) 0L : given[1];
    for (Object element : args.elements(value)) {
      Object part = Args.isAbsent(given[0])
          ? element : args.at(element, given[0]);
      total = Operators.binary(args.budget(), "+", total, part);
    }
    return total;
  }

  /** As Jinja2: what is none, zero or false has no elements here, where a loop would refuse it. */
  private static List<Object> elementsIfAny(RenderBudget budget, Object value) {
    return Values.isTrue(value) ? Values.elements(budget, value) : List.of();
  }

  private static Object map(Object value, Args args) {
    List<Object> mapped = new ArrayList<>();
    Object attribute = args.positional().isEmpty() ? args.named().get("attribute") : null;
    if (attribute == null && args.positional().isEmpty()) {
      throw args.error("needs a filter or an attribute");
    }
    for (Object element : elementsIfAny(args.budget(), value)) {
      args.budget().spendElements(1);
      if (attribute == null) {
        String name = args.text(args.positional().getFirst()).text();
        args.budget().enter();
        mapped.add(apply(name, element, args.after(1, name)));
        args.budget().leave();
      } else {
        Object found = args.at(element, attribute);
        Object otherwise = args.named().get("default");
        mapped.add(found instanceof Undefined && otherwise != null ? otherwise : found);
      }
    }
    return new Items(Items.Kind.STREAM, mapped);
  }

  private static Object select(Object value, Args args, boolean byAttribute, boolean wanted) {
    int skip = byAttribute ? 1 : 0;
    if (args.positional().size() < skip) {
      throw args.error("needs an attribute");
    }
    List<Object> taken = new ArrayList<>();
    for (Object element : elementsIfAny(args.budget(), value)) {
      args.budget().spendElements(1);
      Object asked = byAttribute ? args.at(element, args.positional().getFirst()) : element;
      boolean holds;
      if (args.positional().size() > skip) {
        String name = args.text(args.positional().get(skip)).text();
        holds = Checks.holds(name, asked, args.after(skip + 1, name));
      } else {
        holds = Values.isTrue(asked);
      }
      if (holds == wanted) {
        taken.add(element);
      }
    }
    return new Items(Items.Kind.STREAM, taken);
  }

  /** What a value is compared by. */
  private static Object keyOf(Args args, Object value, Object attribute, boolean caseSensitive) {
    Object key = Args.isAbsent(attribute)
        ? value : args.at(value, attribute);
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

  private static Object sort(Object value, Args args) {
    Object[] given = args.bind("reverse", "case_sensitive", "attribute");
    return Items.list(sorted(
        args, args.elements(value), given[2], Args.isTrue(given[1]), Args.isTrue(given[0])));
  }

  private static Object dictsort(Object value, Args args) {
    Object[] given = args.bind("case_sensitive", "by", "reverse");
    String by = given[1] == null ? "key" : args.text(given[1]).text();
    if (!(value instanceof Map<?, ?> map) || !by.equals("key") && !by.equals("value")) {
      throw args.error(value instanceof Map ? "sorts by key or by value"
          : "needs a dict, not a " + Values.type(Values.defined(args.budget(), value)));
    }
    return Items.list(sorted(args, Methods.items(args.budget(), map).elements, by.equals("key") ? 0L : 1L,
        Args.isTrue(given[0]), Args.isTrue(given[2])));
  }

  private static Object unique(Object value, Args args) {
    Object[] given = args.bind("case_sensitive", "attribute");
    Set<Object> seen = new HashSet<>();
    List<Object> taken = new ArrayList<>();
    for (Object element : args.elements(value)) {
      Object key = keyOf(args, element, given[1], Args.isTrue(given[0]));
      args.budget().spendElements(2);
      if (seen.add(Values.key(args.budget(), key))) {
        taken.add(element);
      }
    }
    return new Items(Items.Kind.STREAM, taken);
  }

  private static Object extreme(Object value, Args args, boolean largest) {
    Object[] given = args.bind("case_sensitive", "attribute");
    Object best = null;
    Object bestKey = null;
    for (Object element : args.elements(value)) {
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
