package dev.sphere.grade.parse;

import dev.sphere.grade.extract.Boxes;
import dev.sphere.grade.parse.MathToken.Kind;
import dev.sphere.grade.value.GradingBudget;
import dev.sphere.grade.value.Rational;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Cuts LaTeX or plain mathematics into tokens. */
final class MathLexer {
  /** How "1,234" is read. */
  enum Commas {
    /** Thousands outside brackets, separators inside. */
    USUAL,
    /** Always separators. */
    SEPARATE,
    /** Always thousands. */
    THOUSANDS
  }

  private static final int MAX_TOKENS = 3000;
  private static final String[] TWO = {"<=", ">=", "!=", "**", "=="};
  private static final Pattern JOIN = Pattern.compile("(?i)[,;]?\\s*(or|and)|[,;]");
  private static final Pattern WORDS = Pattern.compile("[A-Za-z]+(\\s*,\\s*[A-Za-z]+)+");
  private static final Pattern LABEL = Pattern.compile("\\(?[A-Za-z]\\)?");

  private static final Pattern GROUP_COMMA = Pattern.compile("(?:,|\\{,\\})\\s?(?:\\\\!\\s?)?(\\d{3})(?!\\d)");
  private static final Pattern SURE_COMMA = Pattern.compile("(?:\\{,\\}\\s?|,\\s?\\\\!\\s?|\\\\!,\\s?)(\\d{3})(?!\\d)");
  private static final Pattern GROUP_SPACE = Pattern.compile("(?: |~|\\\\,|\\\\ |\\\\;)(\\d{3})(?!\\d)");
  private static final Pattern BAR = Pattern.compile("\\s?\\\\(?:overline|bar|dot)\\s?(?:\\{(\\d+)\\}|(\\d))");
  private static final Pattern PARENS = Pattern.compile("\\((\\d+)\\)");
  private static final Pattern DOTS = Pattern.compile("\\s?(?:\\.\\.\\.+|\\\\[lc]?dots[cb]?)");
  private static final Pattern SCIENTIFIC = Pattern.compile("[eE]([+-]?\\d{1,5})(?![\\d.])");

  private final String s;
  private final Commas commas;
  private final GradingBudget budget;
  private final List<MathToken> out = new ArrayList<>();
  private int i;
  private int depth;
  private boolean space;
  private boolean ambiguous;

  MathLexer(String text, Commas commas, GradingBudget budget) {
    this.s = text;
    this.commas = commas;
    this.budget = budget;
  }

  /** True when a comma between digits could be read both ways. */
  boolean ambiguousCommas() {
    return ambiguous;
  }

  List<MathToken> tokens() {
    while (i < s.length()) {
      budget.spend(1);
      if (out.size() > MAX_TOKENS) {
        throw new GradingBudget.Stop("more than " + MAX_TOKENS + " tokens");
      }
      next();
    }
    add(Kind.END, "");
    return out;
  }

  private void next() {
    char c = s.charAt(i);
    if (Character.isWhitespace(c) || c == '~') {
      space = true;
      i++;
    } else if (c == '\\') {
      command();
    } else if (isDigit(i) || c == '.' && isDigit(i + 1)) {
      number();
    } else if (Character.isLetter(c)) {
      letters();
    } else if (s.startsWith("...", i)) {
      add(Kind.COMMAND, "dots");
      i += 3;
    } else {
      operator();
    }
  }

  private void operator() {
    for (String two : TWO) {
      if (s.startsWith(two, i)) {
        add(Kind.OPERATOR, two.equals("**") ? "^" : two.equals("==") ? "=" : two);
        i += 2;
        return;
      }
    }
    char c = s.charAt(i++);
    if (c == '(' || c == '[') {
      depth++;
    } else if (c == ')' || c == ']') {
      depth--;
    }
    if (c == '`' || c == '"' || c == '?') {
      return;
    }
    if ("€£¥".indexOf(c) >= 0) {
      add(Kind.WORD, c == '€' ? "EUR" : c == '£' ? "GBP" : "JPY");
      return;
    }
    add(Kind.OPERATOR, String.valueOf(c));
  }

  private void letters() {
    int from = i;
    while (i < s.length() && Character.isLetter(s.charAt(i))) {
      i++;
    }
    String run = s.substring(from, i);
    if (CommandNames.isPlain(run)) {
      named(run);
      // log10(x), log2(x): the base stands in the name
      int digits = i;
      while (isDigit(digits)) {
        digits++;
      }
      if (run.equals("log") && digits > i && digits < s.length() && s.charAt(digits) == '(') {
        add(Kind.OPERATOR, "_");
      }
      return;
    }
    if (run.length() == 1) {
      boolean between = space && !out.isEmpty() && out.getLast().kind() == Kind.NUMBER && i + 1 < s.length()
          && s.charAt(i) == ' ' && isDigit(i + 1);
      if (between && (run.equals("x") || run.equals("X"))) {
        add(Kind.COMMAND, "times");
      } else {
        add(Kind.LETTER, run);
      }
      return;
    }
    String lower = run.toLowerCase(Locale.ROOT);
    if (lower.equals("or") || lower.equals("and")) {
      add(Kind.COMMAND, lower);
    } else if (run.startsWith("sqrt")) {
      i = from + 4;
      add(Kind.COMMAND, "sqrt");
    } else {
      add(Kind.WORD, run);
    }
  }

  private void command() {
    int from = ++i;
    while (i < s.length() && Character.isLetter(s.charAt(i)) && s.charAt(i) < 128) {
      i++;
    }
    if (i == from) {
      symbol();
      return;
    }
    String name = s.substring(from, i);
    if (name.length() > 4 && (name.startsWith("quad") || name.startsWith("qquad") && name.length() > 5)) {
      // \\quadx is a slip for \\quad x
      i = from + name.indexOf("quad") + 4;
      name = s.substring(from, i);
    }
    if (CommandNames.IGNORED.contains(name)) {
      if (name.equals("left") || name.equals("right")) {
        skipDot();
      }
      space |= name.endsWith("quad") || name.endsWith("space");
    } else if (CommandNames.TEXTS.contains(name) || CommandNames.FONTS.contains(name)) {
      text(name);
    } else if (name.equals("mathbb") || name.equals("Bbb")) {
      String letter = braced();
      add(Kind.COMMAND, "set:" + letter.strip());
    } else if (name.equals("phantom") || name.equals("hphantom") || name.equals("vphantom")) {
      braced();
    } else if (name.equals("begin") || name.equals("end")) {
      add(Kind.COMMAND, name + ":" + braced().strip());
      depth += name.equals("begin") ? 1 : -1;
    } else if (CommandNames.isKnown(name) || !name.startsWith("sqrt")) {
      named(name);
    } else {
      // \sqrtx is a slip for \sqrt x
      i = from + 4;
      add(Kind.COMMAND, "sqrt");
    }
  }

  private void named(String name) {
    String n = CommandNames.meaning(name);
    if (n.equals("{set") || n.equals("}set")) {
      add(Kind.OPERATOR, n.equals("{set") ? "\\{" : "\\}");
    } else if (n.length() == 1 && !Character.isLetter(n.charAt(0))) {
      add(Kind.OPERATOR, n);
    } else {
      add(Kind.COMMAND, n);
    }
  }

  private void symbol() {
    char c = i < s.length() ? s.charAt(i++) : ' ';
    switch (c) {
      case '\\' -> {
        add(Kind.COMMAND, "row");
        if (i < s.length() && s.charAt(i) == '[') {
          int close = s.indexOf(']', i);
          // a row break with extra space, as in \\[2ex]
          if (close > 0 && close - i < 8 && s.substring(i + 1, close).matches("-?[\\d.]+ *[a-z]{2}")) {
            i = close + 1;
          }
        }
      }
      case '{', '}' -> {
        depth += c == '{' ? 1 : -1;
        add(Kind.OPERATOR, "\\" + c);
      }
      case '%' -> add(Kind.OPERATOR, "%");
      case '$' -> add(Kind.OPERATOR, "$");
      case '|' -> add(Kind.OPERATOR, "|");
      case '!' -> { }
      default -> space = true;
    }
  }

  private void skipDot() {
    while (i < s.length() && s.charAt(i) == ' ') {
      i++;
    }
    if (i < s.length() && s.charAt(i) == '.') {
      i++;
    }
  }

  /** \text and its kin: mathematics inside is read as such, words become a TEXT token. */
  private void text(String name) {
    if (i < s.length() && s.charAt(i) == '*') {
      i++;
    }
    String inner = braced();
    String t = inner.strip();
    boolean words = t.chars().filter(Character::isLetter).count() > 1;
    boolean startsAsNumber = !t.isEmpty() && (Character.isDigit(t.charAt(0)) || t.charAt(0) == '-');
    boolean known = CommandNames.isKnown(t);
    if (name.equals("color")) {
      return;
    }
    boolean joins = JOIN.matcher(t).matches();
    if (joins) {
      add(Kind.COMMAND, t.toLowerCase(Locale.ROOT).endsWith("or") ? "or" : "and");
    } else if (t.indexOf(',') > 0 && WORDS.matcher(t).matches()) {
      for (String piece : t.split("\\s*,\\s*")) {
        add(Kind.TEXT, piece);
        add(Kind.OPERATOR, ",");
      }
      out.removeLast();
    } else if (!words && !(CommandNames.TEXTS.contains(name) && t.length() <= 3 && LABEL.matcher(t).matches())
        || known || startsAsNumber || t.indexOf('\\') >= 0 || t.indexOf('$') >= 0) {
      List<MathToken> inside = new MathLexer(t.replace('$', ' '), commas, budget).tokens();
      inside.removeLast();
      if (!inside.isEmpty()) {
        MathToken first = inside.getFirst();
        inside.set(0,
            new MathToken(first.kind(), first.text(), first.value(), first.decimals(), space || first.space()));
        out.addAll(inside);
      }
      space = inner.endsWith(" ");
    } else {
      add(Kind.TEXT, t);
      space = inner.endsWith(" ");
    }
  }

  /** The braced group (or single character) at the cursor, without its braces. */
  private String braced() {
    while (i < s.length() && s.charAt(i) == ' ') {
      i++;
    }
    if (i >= s.length()) {
      return "";
    }
    if (s.charAt(i) != '{') {
      return s.substring(i, ++i);
    }
    int close = Boxes.closing(s, i);
    String inner = s.substring(i + 1, close < 0 ? s.length() : close);
    i = close < 0 ? s.length() : close + 1;
    return inner;
  }

  /** A literal number: thousands separators, decimals, repeating decimals, scientific notation. */
  private void number() {
    boolean before = space;
    int from = i;
    skipDigits();
    StringBuilder all = new StringBuilder(s.substring(from, i));
    if (all.length() >= 1 && all.length() <= 3 && i < s.length() && ",{\\ ~".indexOf(s.charAt(i)) >= 0) {
      groups(all);
    }
    boolean fraction = i < s.length() && s.charAt(i) == '.' && !s.startsWith("..", i)
        && (all.isEmpty() || i + 1 >= s.length() || s.charAt(i + 1) != '\\'
            || BAR.matcher(s).region(i + 1, s.length()).lookingAt());
    if (fraction) {
      int point = i++;
      skipDigits();
      all.append(s, point, i);
    }
    String digits = all.toString();
    int decimals = fraction ? digits.length() - digits.indexOf('.') - 1 : -1;
    Rational value = Rational.ofDecimal(digits.startsWith(".") ? "0" + digits : digits);
    if (value == null) {
      throw new GradingBudget.Stop("a number is too long");
    }
    String period = fraction ? period(digits) : null;
    if (period != null && period.length() <= 200) {
      // x = value + period / ((10^p - 1) 10^decimals)
      Rational ten = Rational.of(10);
      Rational unit = ten.pow(period.length()).minus(Rational.ONE).times(ten.pow(decimals));
      value = value.plus(Rational.ofDecimal(period).dividedBy(unit));
      decimals = -1;
    }
    Matcher m = SCIENTIFIC.matcher(s).region(i, s.length());
    if (m.lookingAt() && isExponent(m.group(1), decimals)) {
      int exponent = Integer.parseInt(m.group(1));
      Rational power = Rational.of(10).pow(exponent);
      Rational scaled = power == null ? null : value.times(power);
      if (scaled != null) {
        value = scaled;
        decimals = decimals < 0 ? -1 : Math.max(-1, decimals - exponent);
        i = m.end();
      }
    }
    out.add(new MathToken(Kind.NUMBER, digits, value, decimals, before));
    space = false;
  }

  /** "2e+3" may be Euler's number plus three; "2.5e+3" and "2e+03" are not. */
  private boolean isExponent(String e, int decimals) {
    boolean signed = e.startsWith("+") || e.startsWith("-");
    return !signed || decimals >= 0 || s.charAt(i) != 'e' || e.length() >= 3;
  }

  /** Reads groups of three digits to {@code all}, where commas between digits are no separators. */
  private void groups(StringBuilder all) {
    boolean thousands = commas == Commas.THOUSANDS || commas == Commas.USUAL && depth <= 0;
    Matcher space = GROUP_SPACE.matcher(s);
    Matcher comma = GROUP_COMMA.matcher(s);
    Matcher sure = SURE_COMMA.matcher(s);
    boolean spaced = false;
    for (int n = 0; n < 1000; n++) {
      if (sure.region(i, s.length()).lookingAt()) {
        all.append(sure.group(1));
        i = sure.end();
      } else if (comma.region(i, s.length()).lookingAt() && s.charAt(i + 1) != ' ') {
        ambiguous = true;
        if (!thousands) {
          return;
        }
        all.append(comma.group(1));
        i = comma.end();
      } else if ((n == 0 || spaced) && all.charAt(0) != '0' && space.region(i, s.length()).lookingAt()) {
        spaced = true;
        all.append(space.group(1));
        i = space.end();
      } else {
        return;
      }
    }
  }

  /** The digits that go on and on: 0.\overline{3}, 0.1(6), 0.333...; null when there are none. */
  private String period(String digits) {
    if (i >= s.length() || "\\( .\t".indexOf(s.charAt(i)) < 0) {
      return null;
    }
    Matcher bar = BAR.matcher(s).region(i, s.length());
    Matcher parens = PARENS.matcher(s).region(i, s.length());
    Matcher dots = DOTS.matcher(s).region(i, s.length());
    if (bar.lookingAt()) {
      i = bar.end();
      return bar.group(1) != null ? bar.group(1) : bar.group(2);
    }
    if (parens.lookingAt()) {
      i = parens.end();
      return parens.group(1);
    }
    if (dots.lookingAt()) {
      i = dots.end();
      return guessPeriod(digits.substring(digits.indexOf('.') + 1));
    }
    return null;
  }

  /** The shortest period that ends the digits: three times for one digit, twice for more; null when there is none. */
  private static String guessPeriod(String d) {
    for (int p = 1; p <= 12 && 2 * p <= d.length(); p++) {
      int times = p == 1 ? 3 : 2;
      String period = d.substring(d.length() - p);
      if (d.endsWith(period.repeat(times))) {
        return period;
      }
    }
    return null;
  }

  private void skipDigits() {
    while (isDigit(i)) {
      i++;
    }
  }

  private boolean isDigit(int at) {
    return at < s.length() && s.charAt(at) >= '0' && s.charAt(at) <= '9';
  }

  private void add(Kind kind, String text) {
    out.add(new MathToken(kind, text, space));
    space = false;
  }
}
