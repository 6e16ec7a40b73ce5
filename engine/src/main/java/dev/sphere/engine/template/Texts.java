package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;
import dev.sphere.engine.template.Values.Function;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntPredicate;
import java.util.function.UnaryOperator;

/** The methods of texts, as in Python. Each spends the characters that it handles; marks move along. */
final class Texts {
  /** A method of a text. */
  interface Method {
    Object call(MarkedText text, Args args);
  }

  private static final int NEEDLE = 64; // Java compares so many characters at each place for the price of one

  private static final Map<String, Method> METHODS = Map.ofEntries(
      Map.entry("strip", (t, a) -> strip(t, a, true, true)), Map.entry("lstrip", (t, a) -> strip(t, a, true, false)),
      Map.entry("rstrip", (t, a) -> strip(t, a, false, true)), Map.entry("split", Texts::split),
      Map.entry("startswith", (t, a) -> begins(t, a, true)), Map.entry("endswith", (t, a) -> begins(t, a, false)),
      Map.entry("replace", Texts::replace), Map.entry("upper", (t, a) -> mapped(t, a, s -> s.toUpperCase(Locale.ROOT))),
      Map.entry("lower", (t, a) -> mapped(t, a, s -> s.toLowerCase(Locale.ROOT))),
      Map.entry("title", (t, a) -> mapped(t, a, s -> title(s, c -> !Character.isLetter(c)))),
      Map.entry("capitalize", (t, a) -> mapped(t, a, s -> title(s, c -> false))),
      Map.entry("join", (t, a) -> join(a.budget(), t, a.elements(a.one("iterable")).stream().map(a::text).toList())),
      Map.entry("format", Texts::format));

  private Texts() {}

  /** A method of a text; null where texts have no method of that name. */
  static Function method(MarkedText text, String name) {
    Method method = METHODS.get(name);
    return method == null ? null : args -> method.call(text, args);
  }

  /** Where a text stands in another at or after an index; -1 for nowhere. */
  static int indexOf(RenderBudget budget, String in, String what, int from) {
    long starts = Math.max(0, in.length() - from - what.length() + 1);
    budget.spend(starts * (what.length() / NEEDLE));
    int at = in.indexOf(what, from);
    budget.spend((at < 0 ? in.length() : at) - from + 1L);
    return at;
  }

  /** A part of a text; the bounds count code points and lie inside the text. */
  static MarkedText part(RenderBudget budget, MarkedText t, int from, int to) {
    budget.spend(t.length());
    int begin = t.text().offsetByCodePoints(0, from);
    return t.substring(begin, t.text().offsetByCodePoints(begin, to - from));
  }

  private static Object replace(MarkedText t, Args args) {
    Object[] given = args.bind("old", "new", "count");
    MarkedText by = args.text(given[1]);
    return join(args.budget(), by, cut(t, args.text(given[0]), given[2], args));
  }

  private static Object split(MarkedText t, Args args) {
    Object[] given = args.bind("sep", "maxsplit");
    return cut(t, args.text(given[0]), given[1], args);
  }

  /** Cuts a text wherever a separator stands, {@code most} times at most; no limit where that is absent or negative. */
  private static List<MarkedText> cut(MarkedText t, MarkedText separator, Object most, Args args) {
    if (separator.length() == 0) {
      throw args.error("needs a text that is not empty");
    }
    long limit = most == null ? -1 : args.integer(most);
    RenderBudget budget = args.budget();
    List<MarkedText> parts = new ArrayList<>();
    int done = 0;
    budget.spendText(t.length());
    for (int at; parts.size() != limit && (at = indexOf(budget, t.text(), separator.text(), done)) >= 0;) {
      budget.spendElements(1);
      parts.add(t.substring(done, at));
      done = at + separator.length();
    }
    parts.add(t.substring(done, t.length()));
    return parts;
  }

  private static boolean begins(MarkedText t, Args args, boolean start) {
    String text = args.text(args.one(start ? "prefix" : "suffix")).text();
    args.budget().spend(text.length());
    return start ? t.text().startsWith(text) : t.text().endsWith(text);
  }

  /** Without white space at the ends, or without the characters that are given. */
  private static MarkedText strip(MarkedText t, Args args, boolean left, boolean right) {
    Object given = args.bind("chars")[0];
    IntPredicate strips = Values::isSpace;
    if (given != null && given != Values.None.NONE) {
      args.budget().spend(2L * args.text(given).length());
      int[] characters = args.text(given).text().codePoints().sorted().toArray();
      strips = c -> Arrays.binarySearch(characters, c) >= 0;
    }
    args.budget().spend(t.length());
    String s = t.text();
    int from = 0;
    int to = s.length();
    while (left && from < to && strips.test(s.codePointAt(from))) {
      from += Character.charCount(s.codePointAt(from));
    }
    while (right && to > from && strips.test(s.codePointBefore(to))) {
      to -= Character.charCount(s.codePointBefore(to));
    }
    return t.substring(from, to);
  }

  static MarkedText join(RenderBudget budget, MarkedText separator, List<MarkedText> parts) {
    MarkedText.Builder out = new MarkedText.Builder();
    budget.spend(parts.size());
    for (int i = 0; i < parts.size(); i++) {
      if (i > 0) {
        budget.append(out, separator);
      }
      budget.append(out, parts.get(i));
    }
    return out.build();
  }

  static MarkedText concat(RenderBudget budget, MarkedText a, MarkedText b) {
    return join(budget, MarkedText.of(""), List.of(a, b));
  }

  static MarkedText repeat(RenderBudget budget, MarkedText t, long times) {
    MarkedText.Builder out = new MarkedText.Builder();
    for (long i = 0; i < times && t.length() > 0; i++) {
      budget.append(out, t);
    }
    return out.build();
  }

  /** Other letters; the marks stay where the length does, else the whole text counts as a message's. */
  private static MarkedText mapped(MarkedText t, Args args, UnaryOperator<String> change) {
    args.none();
    args.budget().spendText(2L * t.length());
    String changed = change.apply(t.text());
    return changed.length() == t.length()
        ? MarkedText.of(changed, t.content())
        : new MarkedText.Builder().append(changed, t).build();
  }

  /** The first letter and each after a character that ends a word in title case, the others in lower case. */
  private static String title(String s, IntPredicate endsWord) {
    StringBuilder out = new StringBuilder();
    boolean start = true;
    for (int i = 0; i < s.length();) {
      int c = s.codePointAt(i);
      String letter = Character.toString(c);
      String upper = letter.toUpperCase(Locale.ROOT);
      out.append(!start ? letter.toLowerCase(Locale.ROOT)
          : upper.codePointCount(0, upper.length()) == 1 ? Character.toString(Character.toTitleCase(c))
          : upper.charAt(0) + upper.substring(1).toLowerCase(Locale.ROOT));
      start = endsWord.test(c);
      i += letter.length();
    }
    return out.toString();
  }

  /** {@code format.format(...)} with the places {@code {}} and no others. */
  private static Object format(MarkedText format, Args args) {
    RenderBudget budget = args.budget();
    MarkedText.Builder out = new MarkedText.Builder();
    List<MarkedText> parts = cut(format, MarkedText.of("{}"), null, args);
    if (!args.named().isEmpty() || parts.stream().anyMatch(p -> p.text().matches("(?s).*[{}].*"))) {
      throw args.error("fills the places {} only: no names, no numbers, no other braces");
    }
    if (parts.size() - 1 > args.positional().size()) {
      throw args.error("has more places than values");
    }
    for (int i = 0; i < parts.size(); i++) {
      budget.append(out, parts.get(i));
      if (i < parts.size() - 1) {
        budget.append(out, Values.text(budget, args.positional().get(i)));
      }
    }
    return out.build();
  }
}
