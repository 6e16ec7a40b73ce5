package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;
import dev.sphere.engine.template.Values.Function;
import dev.sphere.engine.template.Values.Items;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntPredicate;

/** The methods of texts. */
final class TextMethods {
  private interface Method {
    Object call(MarkedText text, Args args);
  }

  private static final Map<String, Method> ALL = Map.ofEntries(
      Map.entry("strip", (t, a) -> strip(t, a, true, true)),
      Map.entry("lstrip", (t, a) -> strip(t, a, true, false)),
      Map.entry("rstrip", (t, a) -> strip(t, a, false, true)),
      Map.entry("split", (t, a) -> split(t, a, false)),
      Map.entry("rsplit", (t, a) -> split(t, a, true)),
      Map.entry("splitlines", (t, a) -> Items.list(Texts.lines(a.budget(), t, Args.isTrue(a.bind("keepends")[0])))),
      Map.entry("startswith", (t, a) -> begins(t, a, true)),
      Map.entry("endswith", (t, a) -> begins(t, a, false)),
      Map.entry("replace", TextMethods::replace),
      Map.entry("upper", (t, a) -> mapped(t, a, s -> s.toUpperCase(Locale.ROOT))),
      Map.entry("lower", (t, a) -> mapped(t, a, s -> s.toLowerCase(Locale.ROOT))),
      Map.entry("title", (t, a) -> mapped(t, a, s -> Texts.title(s, c -> !Character.isLetter(c)))),
      Map.entry("capitalize", (t, a) -> mapped(t, a, Texts::capitalized)),
      Map.entry("join", (t, a) -> Texts.join(a.budget(), t,
          Values.elements(a.budget(), a.one("iterable")).stream().map(a::text).toList())),
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
      Map.entry("isupper", (t, a) -> cased(t, a, Character::isUpperCase, Character::isLowerCase)),
      Map.entry("islower", (t, a) -> cased(t, a, Character::isLowerCase, Character::isUpperCase)));

  private TextMethods() {}

  /** A method of a text; null for one that texts have not. */
  static Function of(MarkedText text, String name) {
    Method method = ALL.get(name);
    return method == null ? null : args -> method.call(text, args);
  }

  private static Object strip(MarkedText t, Args args, boolean left, boolean right) {
    Object characters = args.bind("chars")[0];
    return Texts.strip(args.budget(), t,
        characters == null || characters == Values.None.NONE ? null : args.text(characters), left, right);
  }

  private static Object split(MarkedText t, Args args, boolean fromRight) {
    Object[] given = args.bind("sep", "maxsplit");
    boolean space = given[0] == null || given[0] == Values.None.NONE;
    return Items.list(
        Texts.split(args.budget(), t, space ? null : args.text(given[0]), args.limit(given[1]), fromRight));
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

  private static Object mapped(MarkedText t, Args args, java.util.function.UnaryOperator<String> change) {
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

  private static boolean cased(MarkedText t, Args args, IntPredicate is, IntPredicate isNot) {
    args.none();
    args.budget().spend(t.length());
    return t.text().codePoints().anyMatch(is) && t.text().codePoints().noneMatch(isNot);
  }
}
