package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;
import dev.sphere.engine.template.Values.Function;
import dev.sphere.engine.template.Values.Items;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.IntPredicate;
import java.util.function.UnaryOperator;

/** The methods of texts, dicts and lists. Those that would change one are refused, as in Jinja2's immutable sandbox. */
final class Methods {
  private interface TextMethod {
    Object call(MarkedText text, Args args);
  }

  private static final Map<String, TextMethod> OF_TEXTS = Map.ofEntries(
      Map.entry("strip", (t, a) -> strip(t, a, true, true)),
      Map.entry("lstrip", (t, a) -> strip(t, a, true, false)),
      Map.entry("rstrip", (t, a) -> strip(t, a, false, true)),
      Map.entry("split", (t, a) -> split(t, a, false)),
      Map.entry("rsplit", (t, a) -> split(t, a, true)),
      Map.entry("splitlines", (t, a) -> Items.list(Texts.lines(a.budget(), t, Args.isTrue(a.bind("keepends")[0])))),
      Map.entry("startswith", (t, a) -> begins(t, a, true)),
      Map.entry("endswith", (t, a) -> begins(t, a, false)),
      Map.entry("replace", Methods::replace),
      Map.entry("upper", (t, a) -> mapped(t, a, s -> s.toUpperCase(Locale.ROOT))),
      Map.entry("lower", (t, a) -> mapped(t, a, s -> s.toLowerCase(Locale.ROOT))),
      Map.entry("title", (t, a) -> mapped(t, a, s -> Texts.title(s, c -> !Character.isLetter(c)))),
      Map.entry("capitalize", (t, a) -> mapped(t, a, Texts::capitalized)),
      Map.entry("join", (t, a) -> Texts.join(a.budget(), t,
          a.elements(a.one("iterable")).stream().map(a::text).toList())),
      Map.entry("format", Formats::braces),
      Map.entry("find", (t, a) -> find(t, a, false)),
      Map.entry("rfind", (t, a) -> find(t, a, true)),
      Map.entry("index", (t, a) -> found(a, find(t, a, false))),
      Map.entry("rindex", (t, a) -> found(a, find(t, a, true))),
      Map.entry("count", (t, a) -> Texts.count(a.budget(), t, a.text(a.one("sub")))),
      Map.entry("removeprefix", (t, a) -> {
        String prefix = a.text(a.one("prefix")).text();
        a.budget().spendText(t.length());
        return t.text().startsWith(prefix) ? t.substring(prefix.length(), t.length()) : t;
      }),
      Map.entry("removesuffix", (t, a) -> {
        String suffix = a.text(a.one("suffix")).text();
        a.budget().spendText(t.length());
        return t.text().endsWith(suffix) ? t.substring(0, t.length() - suffix.length()) : t;
      }),
      Map.entry("partition", (t, a) -> partition(t, a, false)),
      Map.entry("rpartition", (t, a) -> partition(t, a, true)),
      Map.entry("isdigit", (t, a) -> all(t, a, Character::isDigit)),
      Map.entry("isnumeric", (t, a) -> all(t, a, Character::isDigit)),
      Map.entry("isdecimal", (t, a) -> all(t, a, Character::isDigit)),
      Map.entry("isalpha", (t, a) -> all(t, a, Character::isLetter)),
      Map.entry("isalnum", (t, a) -> all(t, a, Character::isLetterOrDigit)),
      Map.entry("isspace", (t, a) -> all(t, a, Values::isSpace)),
      Map.entry("isupper", (t, a) -> isCase(t, a, true)),
      Map.entry("islower", (t, a) -> isCase(t, a, false)));

  private static final Set<String> CHANGE_DICTS = Set.of("clear", "pop", "popitem", "setdefault", "update");
  private static final Set<String> CHANGE_LISTS =
      Set.of("append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort");

  private Methods() {}

  /** A method of a text; null for one that texts have not. */
  static Function of(MarkedText text, String name) {
    TextMethod method = OF_TEXTS.get(name);
    return method == null ? null : args -> method.call(text, args);
  }

  static Object strip(MarkedText t, Args args, boolean left, boolean right) {
    Object characters = args.bind("chars")[0];
    return Texts.strip(args.budget(), t,
        Args.isAbsent(characters) ? null : args.text(characters), left, right);
  }

  private static Object split(MarkedText t, Args args, boolean fromRight) {
    Object[] given = args.bind("sep", "maxsplit");
    MarkedText separator = Args.isAbsent(given[0]) ? null : args.text(given[0]);
    return Items.list(Texts.split(args.budget(), t, separator, args.limit(given[1]), fromRight));
  }

  /** One text, or any of a tuple. */
  private static boolean begins(MarkedText t, Args args, boolean start) {
    Object what = args.one(start ? "prefix" : "suffix");
    List<Object> any = what instanceof Items i && i.kind == Items.Kind.TUPLE ? i.elements : List.of(what);
    for (Object one : any) {
      String text = args.text(one).text();
      args.budget().spend(text.length());
      if (start ? t.text().startsWith(text) : t.text().endsWith(text)) {
        return true;
      }
    }
    return false;
  }

  private static Object replace(MarkedText t, Args args) {
    Object[] given = args.bind("old", "new", "count");
    return Texts.replace(args.budget(), t, args.text(given[0]), args.text(given[1]), args.limit(given[2]));
  }

  static Object mapped(MarkedText t, Args args, UnaryOperator<String> change) {
    args.none();
    return Texts.mapped(args.budget(), t, change);
  }

  private static long find(MarkedText t, Args args, boolean last) {
    Object[] given = args.bind("sub", "start");
    String what = args.text(given[0]).text();
    if (last && given[1] != null) {
      throw args.error("takes no start here");
    }
    int length = Texts.length(args.budget(), t);
    long start = args.integer(given[1], 0);
    if (start > length) {
      return -1;
    }
    int from = t.text().offsetByCodePoints(0, (int) Math.max(0, start < 0 ? start + length : start));
    int at = last
        ? Texts.lastIndexOf(args.budget(), t.text(), what)
        : Texts.indexOf(args.budget(), t.text(), what, from);
    return at < 0 ? -1 : t.text().codePointCount(0, at);
  }

  private static long found(Args args, long at) {
    if (at < 0) {
      throw args.error("does not find the text");
    }
    return at;
  }

  private static Object partition(MarkedText t, Args args, boolean last) {
    MarkedText separator = args.text(args.one("sep"));
    int at = last
        ? Texts.lastIndexOf(args.budget(), t.text(), separator.text())
        : Texts.indexOf(args.budget(), t.text(), separator.text(), 0);
    if (separator.length() == 0) {
      throw args.error("needs a separator that is not empty");
    }
    MarkedText none = MarkedText.of("");
    args.budget().spendText(t.length());
    if (at < 0) {
      return new Items(Items.Kind.TUPLE, last ? List.of(none, none, t) : List.of(t, none, none));
    }
    return new Items(Items.Kind.TUPLE,
        List.of(t.substring(0, at), separator, t.substring(at + separator.length(), t.length())));
  }

  private static boolean all(MarkedText t, Args args, IntPredicate is) {
    args.none();
    args.budget().spend(t.length());
    return t.length() > 0 && t.text().codePoints().allMatch(is);
  }

  private static boolean isCase(MarkedText t, Args args, boolean upper) {
    args.none();
    return Texts.isCase(args.budget(), t, upper);
  }

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
      case "items" -> plain(budget -> items(budget, map));
      case "keys" -> plain(budget -> list(budget, map.keySet()));
      case "values" -> plain(budget -> list(budget, map.values()));
      case "copy" -> plain(budget -> {
        budget.spendElements(2L * map.size());
        return new LinkedHashMap<>(map);
      });
      default -> CHANGE_DICTS.contains(name) ? refused(name, "dict") : null;
    };
  }

  /** Key and value of each entry, as tuples. */
  static Items items(RenderBudget budget, Map<?, ?> map) {
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
      case "copy" -> list ? plain(budget -> list(budget, items.elements)) : null;
      default -> list && CHANGE_LISTS.contains(name) ? refused(name, "list") : null;
    };
  }

  /** A method without arguments. */
  private static Function plain(java.util.function.Function<RenderBudget, Object> method) {
    return args -> {
      args.none();
      return method.apply(args.budget());
    };
  }

  /** A new list of these elements. */
  static Items list(RenderBudget budget, Collection<?> elements) {
    budget.spendElements(elements.size());
    return Items.list(new ArrayList<>(elements));
  }

  private static Function refused(String name, String of) {
    return args -> {
      throw args.error("changes a " + of + ", which templates may not: make a new one");
    };
  }
}
