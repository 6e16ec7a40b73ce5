package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;
import dev.sphere.engine.template.Values.Generator;
import dev.sphere.engine.template.Values.None;
import dev.sphere.engine.template.Values.Undefined;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The filters and the tests: those of Jinja2 that chat templates use, and Hugging Face's {@code tojson}. */
final class Filters {
  private interface Filter {
    Object apply(Object value, Args args);
  }

  private static final Map<String, Filter> ALL = Map.ofEntries(Map.entry("trim", (v, a) -> method("strip", v, a)),
      Map.entry("upper", (v, a) -> method("upper", v, a)), Map.entry("lower", (v, a) -> method("lower", v, a)),
      Map.entry("capitalize", (v, a) -> method("capitalize", v, a)),
      Map.entry("replace", (v, a) -> method("replace", v, a)), Map.entry("string", Filters::plain),
      Map.entry("safe", Filters::plain), Map.entry("tojson", Json::of), Map.entry("length", Filters::length),
      Map.entry("count", Filters::length), Map.entry("default", Filters::otherwise), Map.entry("d", Filters::otherwise),
      Map.entry("int", Filters::integer), Map.entry("join", Filters::join), Map.entry("list", Filters::list),
      Map.entry("first", (v, a) -> end(v, a, true)), Map.entry("last", (v, a) -> end(v, a, false)),
      Map.entry("dictsort", Filters::dictsort), Map.entry("map", Filters::map),
      Map.entry("select", (v, a) -> select(v, a, false, true)),
      Map.entry("reject", (v, a) -> select(v, a, false, false)),
      Map.entry("selectattr", (v, a) -> select(v, a, true, true)),
      Map.entry("rejectattr", (v, a) -> select(v, a, true, false)));

  private Filters() {}

  /**
   * Applies a filter.
   *
   * @throws TemplateException when no filter has that name, or its arguments do not fit
   */
  static Object apply(Object value, Args args) {
    Filter filter = ALL.get(args.name());
    if (filter == null) {
      throw args.budget().error("the filter '" + args.name() + "' is not known to chat templates");
    }
    return filter.apply(value, args);
  }

  /**
   * Whether a value passes a test, as after {@code is}.
   *
   * @throws TemplateException when no test has that name, or its arguments do not fit
   */
  static boolean holds(Object value, Args args) {
    String operator = switch (args.name()) {
      case "equalto", "eq", "==" -> "==";
      case "ne", "!=" -> "!=";
      case "in" -> "in";
      default -> null;
    };
    if (operator != null) {
      return Operators.holds(args.budget(), operator, value, args.one("other"));
    }
    args.none();
    boolean sequence = value instanceof MarkedText || value instanceof Map<?, ?> || value instanceof List<?>
        || value instanceof Undefined;
    return switch (args.name()) {
      case "defined" -> !(value instanceof Undefined);
      case "undefined" -> value instanceof Undefined;
      case "none" -> value instanceof None;
      case "true" -> Boolean.TRUE.equals(value);
      case "false" -> Boolean.FALSE.equals(value);
      case "boolean" -> value instanceof Boolean;
      case "number" -> Values.integer(value) != null;
      case "string" -> value instanceof MarkedText;
      case "mapping" -> value instanceof Map<?, ?>;
      case "sequence" -> sequence;
      case "iterable" -> sequence || value instanceof Generator;
      default -> throw args.budget().error("the test '" + args.name() + "' is not known to chat templates");
    };
  }

  private static MarkedText text(Object value, Args args) {
    return Values.text(args.budget(), value);
  }

  private static Object method(String name, Object value, Args args) {
    return Texts.method(text(value, args), name).call(args);
  }

  private static Object plain(Object value, Args args) {
    args.none();
    return text(value, args);
  }

  private static Object length(Object value, Args args) {
    args.none();
    return (long) Values.length(args.budget(), value);
  }

  private static Object otherwise(Object value, Args args) {
    Object[] given = args.bind("default_value", "boolean");
    boolean missing = value instanceof Undefined || Args.isTrue(given[1]) && !Values.isTrue(value);
    return !missing ? value : given[0] == null ? MarkedText.of("") : given[0];
  }

  private static Object integer(Object value, Args args) {
    args.none();
    return args.integer(value);
  }

  private static Object join(Object value, Args args) {
    Object separator = args.bind("d")[0];
    List<MarkedText> parts = args.elements(value).stream().map(e -> text(e, args)).toList();
    return Texts.join(args.budget(), separator == null ? MarkedText.of("") : text(separator, args), parts);
  }

  private static Object list(Object value, Args args) {
    args.none();
    List<?> elements = args.elements(value);
    args.budget().spendElements(elements.size());
    return new ArrayList<>(elements);
  }

  private static Object end(Object value, Args args, boolean first) {
    args.none();
    List<?> elements = args.elements(value);
    return elements.isEmpty()
        ? new Undefined("there is no " + (first ? "first" : "last") + " element")
        : first ? elements.getFirst() : elements.getLast();
  }

  /** A dict's key and value pairs in the order of the keys, whatever their case. */
  private static Object dictsort(Object value, Args args) {
    args.none();
    RenderBudget budget = args.budget();
    if (!(value instanceof Map<?, ?> map)) {
      throw args.error("needs a dict, not a " + Values.type(Values.defined(budget, value)));
    }
    List<List<Object>> pairs = Values.items(budget, map);
    pairs.sort((a, b) -> {
      budget.spend(1);
      return Values.compare(budget, lower(a.getFirst()), lower(b.getFirst()));
    });
    return pairs;
  }

  private static Object lower(Object key) {
    return key instanceof MarkedText t ? MarkedText.of(t.text().toLowerCase(Locale.ROOT)) : key;
  }

  private static Object attribute(Object value, Object name, Args args) {
    if (args.text(name).text().contains(".")) {
      throw args.error("takes the name of one attribute, without a dot");
    }
    return Values.element(args.budget(), value, name);
  }

  /** The elements that map and select run over: as in Jinja2, those of none, zero or false are none. */
  private static List<?> elementsIfAny(Object value, Args args) {
    return Values.isTrue(value) ? args.elements(value) : List.of();
  }

  private static Object map(Object value, Args args) {
    boolean filter = !args.positional().isEmpty();
    Object attribute = filter ? null : args.bind("attribute")[0];
    String name = args.text(filter ? args.positional().getFirst() : attribute).text();
    List<Object> mapped = new ArrayList<>();
    for (Object element : elementsIfAny(value, args)) {
      args.budget().spendElements(1);
      args.budget().enter();
      mapped.add(filter ? apply(element, args.after(1, name)) : attribute(element, attribute, args));
      args.budget().leave();
    }
    return new Generator(mapped);
  }

  private static Object select(Object value, Args args, boolean byAttribute, boolean wanted) {
    int skip = byAttribute ? 1 : 0;
    List<Object> given = args.positional();
    if (given.size() < skip) {
      throw args.error("needs an attribute");
    }
    List<Object> taken = new ArrayList<>();
    for (Object element : elementsIfAny(value, args)) {
      args.budget().spendElements(1);
      Object asked = byAttribute ? attribute(element, given.getFirst(), args) : element;
      boolean holds = given.size() > skip
          ? holds(asked, args.after(skip + 1, args.text(given.get(skip)).text()))
          : Values.isTrue(asked);
      if (holds == wanted) {
        taken.add(element);
      }
    }
    return new Generator(taken);
  }
}
