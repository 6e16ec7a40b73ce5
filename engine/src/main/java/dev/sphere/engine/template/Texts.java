package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.IntPredicate;
import java.util.function.UnaryOperator;

/** Python's operations on texts; every one spends what it handles, none takes more than linear time. */
final class Texts {
  private static final int SHORT = 16; // up to here the plain search is as good as linear

  private Texts() {}

  /** Order by code points, as Python's. */
  static int compare(String a, String b) {
    int common = Math.min(a.length(), b.length());
    for (int i = 0; i < common; i++) {
      char x = a.charAt(i);
      char y = b.charAt(i);
      if (x != y) {
        boolean sx = Character.isSurrogate(x);
        return sx == Character.isSurrogate(y) ? Character.compare(x, y) : sx ? 1 : -1;
      }
    }
    return Integer.compare(a.length(), b.length());
  }

  private static boolean hasPairs(String s) {
    for (int i = 0; i < s.length(); i++) {
      if (Character.isSurrogate(s.charAt(i))) {
        return true;
      }
    }
    return false;
  }

  /** Characters, counted as Python does. */
  static int length(RenderBudget budget, MarkedText t) {
    budget.spend(t.length());
    return t.text().codePointCount(0, t.length());
  }

  /** Part of a text, bounds in characters as Python counts them. */
  static MarkedText part(RenderBudget budget, MarkedText t, int from, int to) {
    budget.spend(t.length());
    String s = t.text();
    boolean pairs = hasPairs(s);
    int begin = pairs ? s.offsetByCodePoints(0, from) : from;
    return t.substring(begin, pairs ? s.offsetByCodePoints(begin, to - from) : to);
  }

  /** The text backwards. */
  static MarkedText reversed(RenderBudget budget, MarkedText t) {
    budget.spendText(t.length());
    MarkedText.Builder out = new MarkedText.Builder();
    for (int i = t.length(); i > 0;) {
      int begin = i - Character.charCount(t.text().codePointBefore(i));
      out.append(t, begin, i);
      i = begin;
    }
    return out.build();
  }

  /** Where a text stands in another at or after {@code from}; -1 for nowhere. */
  static int indexOf(RenderBudget budget, String in, String what, int from) {
    if (what.length() <= SHORT) {
      int at = in.indexOf(what, from);
      budget.spend((at < 0 ? in.length() : at) - Math.min(from, in.length()) + 1L);
      return at;
    }
    if (in.length() - from < what.length()) {
      return -1;
    }
    int[] borders = borders(budget, what);
    int matched = 0;
    for (int i = from; i < in.length(); i++) {
      while (matched > 0 && in.charAt(i) != what.charAt(matched)) {
        matched = borders[matched - 1];
      }
      if (in.charAt(i) == what.charAt(matched) && ++matched == what.length()) {
        budget.spend(i - from + 1L);
        return i + 1 - matched;
      }
    }
    budget.spend(in.length() - from + 1L);
    return -1;
  }

  /** Knuth, Morris and Pratt: how long a beginning of the text ends at each of its characters. */
  private static int[] borders(RenderBudget budget, String what) {
    budget.spend(2L * what.length());
    int[] borders = new int[what.length()];
    for (int i = 1, k = 0; i < what.length(); i++) {
      while (k > 0 && what.charAt(i) != what.charAt(k)) {
        k = borders[k - 1];
      }
      if (what.charAt(i) == what.charAt(k)) {
        k++;
      }
      borders[i] = k;
    }
    return borders;
  }

  /** Where a text stands last. */
  static int lastIndexOf(RenderBudget budget, String in, String what) {
    if (what.length() <= SHORT) {
      budget.spend(in.length() + 1L);
      return in.lastIndexOf(what);
    }
    budget.spend(in.length() + what.length());
    int at = indexOf(
        budget, new StringBuilder(in).reverse().toString(), new StringBuilder(what).reverse().toString(), 0);
    return at < 0 ? -1 : in.length() - at - what.length();
  }

  /** All places of a text that do not overlap. */
  private static List<Integer> places(RenderBudget budget, String in, String what, int most) {
    List<Integer> places = new ArrayList<>();
    if (what.length() > SHORT && in.length() >= what.length()) {
      int[] borders = borders(budget, what);
      int matched = 0;
      budget.spend(in.length());
      for (int i = 0; i < in.length() && places.size() < most; i++) {
        while (matched > 0 && in.charAt(i) != what.charAt(matched)) {
          matched = borders[matched - 1];
        }
        if (in.charAt(i) == what.charAt(matched) && ++matched == what.length()) {
          places.add(i + 1 - matched);
          matched = 0;
        }
      }
      return places;
    }
    for (int at = indexOf(budget, in, what, 0); at >= 0 && places.size() < most;) {
      budget.spendElements(1);
      places.add(at);
      at = indexOf(budget, in, what, at + what.length());
    }
    return places;
  }

  static MarkedText replace(RenderBudget budget, MarkedText t, MarkedText old, MarkedText by, int most) {
    MarkedText.Builder out = new MarkedText.Builder();
    int done = 0;
    if (old.length() == 0) { // between all characters
      budget.spendText(t.length() + (t.length() + 1L) * by.length());
      for (int i = 0, n = 0; i <= t.length() && n < most; n++) {
        int end = i < t.length() ? i + Character.charCount(t.text().codePointAt(i)) : i + 1;
        out.append(by).append(t, i, Math.min(end, t.length()));
        done = Math.min(end, t.length());
        i = end;
      }
      return out.append(t, done, t.length()).build();
    }
    List<Integer> places = places(budget, t.text(), old.text(), most);
    budget.spendText(t.length() + (long) places.size() * by.length());
    for (int at : places) {
      out.append(t, done, at).append(by);
      done = at + old.length();
    }
    return out.append(t, done, t.length()).build();
  }

  static long count(RenderBudget budget, MarkedText t, MarkedText what) {
    return what.length() == 0
        ? length(budget, t) + 1L
        : places(budget, t.text(), what.text(), Integer.MAX_VALUE).size();
  }

  /** Without characters at the ends; {@code characters} null for white space. */
  static MarkedText strip(RenderBudget budget, MarkedText t, MarkedText characters, boolean left, boolean right) {
    budget.spend(t.length());
    int[] set = null;
    if (characters != null) {
      budget.spend(2L * characters.length());
      set = characters.text().codePoints().sorted().toArray(); // a bit set would take 136 KiB for one emoji
    }
    String s = t.text();
    int from = 0;
    int to = s.length();
    while (left && from < to && strips(set, s.codePointAt(from))) {
      from += Character.charCount(s.codePointAt(from));
    }
    while (right && to > from && strips(set, s.codePointBefore(to))) {
      to -= Character.charCount(s.codePointBefore(to));
    }
    return t.substring(from, Math.max(from, to));
  }

  private static boolean strips(int[] set, int c) {
    return set == null ? Values.isSpace(c) : Arrays.binarySearch(set, c) >= 0;
  }

  /** True when there are letters of that case and none of the other. */
  static boolean isCase(RenderBudget budget, MarkedText t, boolean upper) {
    budget.spend(t.length());
    String s = t.text();
    return s.codePoints().anyMatch(upper ? Character::isUpperCase : Character::isLowerCase)
        && s.codePoints().noneMatch(upper ? Character::isLowerCase : Character::isUpperCase);
  }

  /** Cut at a separator; null for runs of white space. */
  static List<Object> split(RenderBudget budget, MarkedText t, MarkedText separator, int most, boolean fromRight) {
    if (separator == null) {
      return splitSpace(budget, t, most, fromRight);
    }
    if (separator.length() == 0) {
      throw budget.error("'split' needs a separator that is not empty");
    }
    String s = t.text();
    if (fromRight && most < Integer.MAX_VALUE) {
      return turnedBack(budget, split(budget, reversed(budget, t), reversed(budget, separator), most, false));
    }
    List<Object> parts = new ArrayList<>();
    int done = 0;
    for (int at : places(budget, s, separator.text(), most)) {
      parts.add(t.substring(done, at));
      done = at + separator.length();
    }
    parts.add(t.substring(done, t.length()));
    budget.spendText(t.length());
    budget.spendElements(parts.size());
    return parts;
  }

  /** The parts of a text that was cut backwards, each of them and all of them the right way round. */
  private static List<Object> turnedBack(RenderBudget budget, List<Object> turned) {
    List<Object> parts = new ArrayList<>();
    for (Object part : turned.reversed()) {
      parts.add(reversed(budget, (MarkedText) part));
    }
    return parts;
  }

  private static List<Object> splitSpace(RenderBudget budget, MarkedText t, int most, boolean fromRight) {
    budget.spendText(t.length());
    if (fromRight && most < Integer.MAX_VALUE) {
      return turnedBack(budget, splitSpace(budget, reversed(budget, t), most, false));
    }
    List<Object> parts = new ArrayList<>();
    String s = t.text();
    int i = 0;
    while (true) {
      while (i < s.length() && Values.isSpace(s.charAt(i))) {
        i++;
      }
      if (i == s.length()) {
        break;
      }
      if (parts.size() == most) {
        parts.add(t.substring(i, s.length()));
        break;
      }
      int from = i;
      while (i < s.length() && !Values.isSpace(s.charAt(i))) {
        i++;
      }
      parts.add(t.substring(from, i));
    }
    budget.spendElements(parts.size());
    return parts;
  }

  static List<Object> lines(RenderBudget budget, MarkedText t, boolean keepEnds) {
    budget.spendText(t.length());
    List<Object> lines = new ArrayList<>();
    String s = t.text();
    int from = 0;
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      if (c >= 10 && c <= 13 || c >= 0x1c && c <= 0x1e || c == 0x85 || c == 0x2028 || c == 0x2029) {
        int end = c == '\r' && s.startsWith("\n", i + 1) ? i + 2 : i + 1;
        lines.add(t.substring(from, keepEnds ? end : i));
        from = end;
        i = end - 1;
      }
    }
    if (from < s.length()) {
      lines.add(t.substring(from, s.length()));
    }
    budget.spendElements(lines.size());
    return lines;
  }

  static MarkedText join(RenderBudget budget, MarkedText separator, List<MarkedText> parts) {
    long total = 0;
    for (MarkedText part : parts) {
      total += part.length() + separator.length();
    }
    budget.spendText(total);
    MarkedText.Builder out = new MarkedText.Builder();
    for (int i = 0; i < parts.size(); i++) {
      out.append(i == 0 ? MarkedText.of("") : separator).append(parts.get(i));
    }
    return out.build();
  }

  static MarkedText repeat(RenderBudget budget, MarkedText t, long times) {
    if (times <= 0 || t.length() == 0) {
      return MarkedText.of("");
    }
    budget.spendText(times > RenderBudget.LONGEST_TEXT ? Long.MAX_VALUE : t.length() * times);
    MarkedText.Builder out = new MarkedText.Builder();
    for (long i = 0; i < times; i++) {
      out.append(t);
    }
    return out.build();
  }

  static MarkedText concat(RenderBudget budget, MarkedText a, MarkedText b) {
    budget.spendText((long) a.length() + b.length());
    return new MarkedText.Builder().append(a).append(b).build();
  }

  /** Letters changed; the marks stay where the length does, else all of it counts as a message's. */
  static MarkedText mapped(RenderBudget budget, MarkedText t, UnaryOperator<String> change) {
    budget.spendText(2L * t.length());
    String changed = change.apply(t.text());
    return changed.length() == t.length()
        ? MarkedText.of(changed, t.content())
        : new MarkedText.Builder().append(changed, t).build();
  }

  /** First letter upper case, the others lower. */
  static String capitalized(String s) {
    if (s.isEmpty()) {
      return s;
    }
    int first = Character.charCount(s.codePointAt(0));
    return titleCase(s.substring(0, first)) + s.substring(first).toLowerCase(Locale.ROOT);
  }

  private static String titleCase(String letter) {
    String upper = letter.toUpperCase(Locale.ROOT);
    return upper.codePointCount(0, upper.length()) > 1
        ? upper.charAt(0) + upper.substring(1).toLowerCase(Locale.ROOT)
        : Character.toString(Character.toTitleCase(letter.codePointAt(0)));
  }

  /** Each word's first letter upper case; a word begins after what {@code ends} a word. */
  static String title(String s, IntPredicate ends) {
    StringBuilder out = new StringBuilder();
    boolean start = true;
    for (int i = 0; i < s.length();) {
      int c = s.codePointAt(i);
      String letter = Character.toString(c);
      out.append(start ? titleCase(letter) : letter.toLowerCase(Locale.ROOT));
      start = ends.test(c);
      i += letter.length();
    }
    return out.toString();
  }
}
