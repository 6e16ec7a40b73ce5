package dev.sphere.grade.parse;

import dev.sphere.grade.parse.MathToken.Kind;
import dev.sphere.grade.value.Expr;
import dev.sphere.grade.value.GradingBudget;
import dev.sphere.grade.value.NumberWords;
import dev.sphere.grade.value.Rational;
import dev.sphere.grade.value.Units;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Makes an expression of tokens by recursive descent. From the outside in: an answer is a list of relations, a relation
 * stands between sides (ratios and set operations of quantities), a quantity is a sum with a unit, then come products,
 * signs, powers and what they are made of: numbers, names, functions and whatever stands in brackets.
 */
final class MathParser {
  private static final int MAX_DEPTH = 120;

  private static final Set<String> RELATION_SIGNS = Set.of("=", "<", ">", "<=", ">=", "!=");
  private static final Map<String, String> RELATION_COMMANDS =
      Map.of("le", "<=", "ge", ">=", "ne", "!=", "approx", "~", "in", "in", "equiv", "=", "sim", "~", "cong", "~",
          "leqq", "<=", "geqq", ">=");

  /** Commands that begin no factor of a product. */
  private static final Set<String> NO_FACTOR =
      Set.of("or", "and", "implies", "row", "le", "ge", "ne", "approx", "in", "equiv", "sim", "cong", "cup", "cap",
          "setminus", "backslash", "times", "cdot", "div", "pm", "mp", "to", "circ", "rfloor", "rceil", "rangle", "not",
          "notin", "choose", "pmod", "bmod", "mod", "leqq", "geqq", "over", "colon", "prime", "subset", "subseteq");

  private static final Set<String> ORDINAL = Set.of("th", "st", "nd", "rd");
  private static final Set<String> FUNCTIONS =
      Set.of("sin", "cos", "tan", "cot", "sec", "csc", "asin", "acos", "atan", "sinh", "cosh", "tanh", "ln", "log", "lg",
          "exp", "arg", "Re", "Im", "det", "gcd", "lcm", "max", "min", "deg", "ceil", "floor", "abs", "coth", "asec", "csch",
          "sech", "asinh", "acosh", "atanh", "acot", "acsc", "sgn", "factorial", "nPr", "sinc", "asech", "acsch", "acoth");

  /** Functions whose arguments in brackets may be several. */
  private static final Set<String> OF_SEVERAL = Set.of("gcd", "lcm", "max", "min", "binom", "nPr");
  private static final Set<String> BIG = Set.of("sum", "prod", "int", "lim", "iint", "oint");
  private static final Set<String> ACCENTS =
      Set.of("overline", "bar", "hat", "vec", "widehat", "overrightarrow", "tilde", "widetilde", "dot", "ddot",
          "overleftrightarrow", "overparen", "wideparen", "overarc", "not");

  private final GradingBudget budget;
  private final List<MathToken> tokens;
  private int at;
  private int depth;

  /** How many | are open: where one is, the next closes it. */
  private int insideBars;

  private MathParser(List<MathToken> tokens, GradingBudget budget) {
    this.tokens = new ArrayList<>(tokens);
    this.budget = budget;
  }

  /**
   * Reads a whole answer.
   *
   * @throws GradingBudget.Stop when it is no mathematics that this parser knows, or too much of it
   */
  static Expr parse(List<MathToken> tokens, GradingBudget budget) {
    MathParser p = new MathParser(tokens, budget);
    Expr e = p.answer();
    if (p.peek().kind() != Kind.END) {
      throw p.unexpected();
    }
    return e;
  }

  private MathToken peek() {
    return tokens.get(at);
  }

  private MathToken ahead(int k) {
    return tokens.get(Math.min(at + k, tokens.size() - 1));
  }

  private MathToken take() {
    MathToken t = tokens.get(at);
    if (t.kind() != Kind.END) {
      at++;
    }
    return t;
  }

  /** Takes the next token where it is that operator. */
  private boolean skip(String operator) {
    boolean here = peek().is(operator);
    at += here ? 1 : 0;
    return here;
  }

  private void expect(String operator) {
    if (!take().is(operator)) {
      at--;
      throw unexpected();
    }
  }

  private GradingBudget.Stop unexpected() {
    return new GradingBudget.Stop("cannot read '" + peek().text() + "' at token " + at);
  }

  private void deeper() {
    if (++depth > MAX_DEPTH) {
      throw new GradingBudget.Stop("nested deeper than " + MAX_DEPTH);
    }
  }

  /** Relations between separators. What stands before "implies" is dropped; semicolons may part answers of several parts. */
  private Expr answer() {
    List<Expr> items = new ArrayList<>();
    List<Expr> segments = new ArrayList<>();
    int segment = 0;
    boolean nested = false;
    boolean or = false;
    while (peek().kind() != Kind.END) {
      if (separator()) {
        or |= peek().isCommand("or");
        if (peek().isCommand("implies")) {
          items.clear();
          segments.clear();
          segment = 0;
        }
        if (peek().is(";") && items.size() > segment) {
          nested |= items.size() > segment + 1;
          segments.add(together(items.subList(segment, items.size())));
          segment = items.size();
        }
        take();
        continue;
      }
      items.add(relation());
      if (peek().kind() != Kind.END && !separator()) {
        throw unexpected();
      }
    }
    if (items.isEmpty()) {
      throw new GradingBudget.Stop("nothing to read");
    }
    if (!segments.isEmpty() && items.size() > segment && (nested || items.size() > segment + 1)) {
      // x = 1, y = 2; x = 3, y = 4: answers of several parts
      segments.add(together(items.subList(segment, items.size())));
      return new Expr.ListOf(List.copyOf(segments), or);
    }
    return items.size() == 1 ? items.getFirst() : new Expr.ListOf(List.copyOf(items), or);
  }

  private static Expr together(List<Expr> parts) {
    return parts.size() == 1 ? parts.getFirst() : new Expr.ListOf(List.copyOf(parts), false);
  }

  private boolean separator() {
    return separatesItems(peek()) || peek().isCommand("implies");
  }

  private static boolean separatesItems(MathToken t) {
    return t.is(",") || t.is(";") || t.isCommand("and") || t.isCommand("or");
  }

  /** A relation, or a plain expression, set or quantity. */
  private Expr relation() {
    List<Expr> sides = new ArrayList<>();
    List<String> ops = new ArrayList<>();
    String leading = relationAt();
    if (leading != null) {
      // "= 5" says 5; "> 5" speaks of an unnamed quantity.
      if (leading.equals("=")) {
        return relation();
      }
      sides.add(new Expr.Sym("?"));
      ops.add(leading);
    }
    sides.add(side());
    for (String op = relationAt(); op != null; op = relationAt()) {
      ops.add(op);
      sides.add(side());
    }
    return ops.isEmpty() ? sides.getFirst() : new Expr.Rel(List.copyOf(sides), List.copyOf(ops));
  }

  /** Takes a relation sign, or returns null when there is none. */
  private String relationAt() {
    MathToken t = peek();
    String op = null;
    if (t.kind() == Kind.OPERATOR && RELATION_SIGNS.contains(t.text())) {
      op = t.text();
    } else if (t.kind() == Kind.COMMAND) {
      op = RELATION_COMMANDS.get(t.text());
      if (t.text().equals("not") && ahead(1).is("=")) {
        take();
        op = "!=";
      }
    } else if (t.kind() == Kind.WORD && t.text().equals("in")) {
      op = isSetStart(ahead(1)) ? "in" : null;
    }
    if (op != null) {
      take();
      if ((op.equals("<") || op.equals(">")) && skip("=")) {
        return op + "=";
      }
    }
    return op;
  }

  /** One side of a relation: a function's head, a ratio, sets joined by set operations. */
  private Expr side() {
    budget.spend(1);
    if (functionHead()) {
      String f = take().text();
      if (peek().is("'")) {
        f += take().text();
      }
      take();
      List<Expr> args = new ArrayList<>();
      do {
        args.add(relation());
      } while (skip(","));
      expect(")");
      return new Expr.Call(f, List.copyOf(args));
    }
    Expr left = quantity();
    if (peek().is(":")) {
      List<Expr> parts = new ArrayList<>(List.of(left));
      while (skip(":")) {
        parts.add(quantity());
      }
      return new Expr.Ratio(List.copyOf(parts));
    }
    for (char op = setOperation(left); op != 0; op = setOperation(left)) {
      take();
      left = new Expr.SetOp(op, left, quantity());
    }
    return left;
  }

  /** Whether a set operation follows: u, n or \, else 0. */
  private char setOperation(Expr left) {
    MathToken t = peek();
    boolean setLike = !left.isScalar();
    if (t.isCommand("cup") || setLike && t.kind() == Kind.LETTER && t.text().equals("U")) {
      return 'u';
    }
    if (t.isCommand("cap")) {
      return 'n';
    }
    boolean minus = t.isCommand("setminus") || t.isCommand("backslash") || setLike && t.is("-");
    return minus || setLike && t.isCommand("row") && ahead(1).is("\\{") ? '\\' : 0;
  }

  /** f(x) = ..., where f(x) is no product. */
  private boolean functionHead() {
    MathToken t = peek();
    boolean name = t.kind() == Kind.LETTER && "fghpqFGHPQRSTNVLuvw".contains(t.text());
    int open = ahead(1).is("'") ? 2 : 1;
    if (!name || !ahead(open).is("(")) {
      return false;
    }
    int depth = 0;
    for (int k = open; k < 40; k++) {
      MathToken a = ahead(k);
      if (a.kind() == Kind.END) {
        return false;
      }
      depth += a.is("(") ? 1 : a.is(")") ? -1 : 0;
      if (depth == 0) {
        MathToken next = ahead(k + 1);
        return next.is("=") || "fghF".contains(t.text()) && (next.is("<") || next.is(">") || next.is("<=") || next.is(">=")
            || next.isCommand("le") || next.isCommand("ge"));
      }
    }
    return false;
  }

  /** An expression with currency before it or units after it. */
  private Expr quantity() {
    boolean minus = peek().is("-") && (ahead(1).is("$") || isCurrency(ahead(1)));
    if (minus) {
      take();
    }
    String unit = "";
    if (peek().is("$") || isCurrency(peek()) && ahead(1).kind() == Kind.NUMBER) {
      unit = peek().is("$") ? "USD" : peek().text();
      take();
    }
    Expr e = additive();
    if (minus) {
      e = new Expr.Neg(e);
    }
    String after = unitText();
    if (unit.isEmpty() || !after.isEmpty() && !Units.sameUnit(unit, after)) {
      unit = (unit + " " + after).strip();
    }
    return unit.isEmpty() ? e : new Expr.Quantity(e, unit);
  }

  private static boolean isCurrency(MathToken t) {
    return t.kind() == Kind.WORD && (t.text().equals("EUR") || t.text().equals("GBP") || t.text().equals("JPY")
        || t.text().equals("USD") || t.text().equals("Rs"));
  }

  /** The words after a value, with their exponents; empty when there are none. */
  private String unitText() {
    StringBuilder unit = new StringBuilder();
    while (true) {
      MathToken t = peek();
      boolean word = t.kind() == Kind.WORD && !(t.text().equals("in") && isSetStart(ahead(1)))
          || t.kind() == Kind.TEXT || isUnitCommand();
      boolean slash = t.is("/") && unit.length() > 0;
      boolean letter = t.kind() == Kind.LETTER && unit.length() > 0;
      if (!word && !slash && !letter && !(t.isCommand("cdot") && unit.length() > 0)) {
        return unit.toString();
      }
      take();
      unit.append(slash ? "/" : (unit.isEmpty() || unit.toString().endsWith("/") ? "" : " ") + t.text());
      if (skip("^")) {
        boolean brace = skip("{");
        unit.append("^").append(peek().is("-") ? take().text() : "").append(take().text());
        if (brace) {
          expect("}");
        }
      }
    }
  }

  private static boolean isSetStart(MathToken t) {
    return t.is("(") || t.is("[") || t.is("\\{") || t.text().startsWith("set:");
  }

  /** A sum. */
  private Expr additive() {
    deeper();
    budget.spend(1);
    Expr left = term();
    while (true) {
      MathToken t = peek();
      if (t.is("+") || t.is("-")) {
        take();
        left = new Expr.Op(t.text().charAt(0), left, term());
      } else if (t.isCommand("pm") || t.isCommand("mp") || t.is("+") && ahead(1).is("/")) {
        take();
        left = new Expr.PlusMinus(left, term(), t.isCommand("mp"));
      } else if (t.isCommand("choose")) {
        take();
        left = new Expr.Call("binom", List.of(left, additive()));
      } else if (t.isCommand("over")) {
        take();
        left = new Expr.Op('/', left, additive());
      } else if (t.isCommand("pmod") || t.isCommand("bmod") || t.isCommand("mod")) {
        take();
        left = new Expr.Call("mod", List.of(left, unary()));
      } else {
        depth--;
        return left;
      }
    }
  }

  /** A product, with signs between its factors or without. */
  private Expr term() {
    Expr left = unary();
    while (true) {
      budget.spend(1);
      MathToken t = peek();
      if (t.is("*") || t.isCommand("times") || t.isCommand("cdot")) {
        take();
        left = new Expr.Op('*', left, unary());
      } else if (t.is("/") || t.isCommand("div")) {
        take();
        left = new Expr.Op('/', left, unary());
      } else if (startsFactor()) {
        left = new Expr.Op('*', left, power());
      } else {
        return left;
      }
    }
  }

  private Expr unary() {
    deeper();
    MathToken t = peek();
    Expr e;
    if (skip("-")) {
      e = new Expr.Neg(unary());
    } else if (skip("+")) {
      // +/- for ±
      boolean either = peek().is("/") && ahead(1).is("-");
      at += either ? 2 : 0;
      e = either ? new Expr.PlusMinus(null, unary(), false) : unary();
    } else if (t.isCommand("pm") || t.isCommand("mp")) {
      take();
      e = new Expr.PlusMinus(null, unary(), t.isCommand("mp"));
    } else {
      e = power();
    }
    depth--;
    return e;
  }

  /** True when the next token continues a product without a sign. */
  private boolean startsFactor() {
    MathToken t = peek();
    boolean afterNumber = at > 0 && tokens.get(at - 1).kind() == Kind.NUMBER;
    return switch (t.kind()) {
      case NUMBER -> !afterNumber;
      case LETTER -> !(t.text().equals("U") && at > 0 && (tokens.get(at - 1).is(")") || tokens.get(at - 1).is("]")));
      case WORD -> t.text().length() <= 3 && !Units.known(t.text()) && NumberWords.number(t.text()) == null
          && !(afterNumber && t.space()) && !isPlainWord(t.text());
      case COMMAND -> !NO_FACTOR.contains(t.text()) && !t.text().startsWith("end:") && !isUnitCommand();
      case OPERATOR -> t.is("(") || t.is("{") || t.is("[") && closes() || t.is("|") && insideBars == 0;
      case TEXT, END -> false;
    };
  }

  /** False for the bracket that ends ]0, 1[. */
  private boolean closes() {
    int depth = 0;
    for (int k = 0; k < 200; k++) {
      MathToken t = ahead(k);
      depth += t.is("[") ? 1 : t.is("]") ? -1 : 0;
      if (depth == 0) {
        return true;
      }
      if (t.kind() == Kind.END) {
        break;
      }
    }
    return false;
  }

  private static boolean isPlainWord(String w) {
    return switch (w) {
      case "in", "is", "if", "of", "the", "for", "per", "at", "to", "so", "by", "as", "are" -> true;
      default -> false;
    };
  }

  /** "min" and "sec" after a number are units when no argument follows. */
  private boolean isUnitCommand() {
    MathToken t = peek();
    if (!t.isCommand("min") && !t.isCommand("sec")) {
      return false;
    }
    MathToken n = ahead(1);
    return n.kind() == Kind.END || n.is(",") || n.is("/") || n.is(")") || n.is("}") || n.kind() == Kind.WORD
        || n.isCommand("and") || n.isCommand("or") || n.is("=");
  }

  /** A primary with what stands behind it and an exponent; ^\circ are degrees, a prime or 10^{th} say nothing. */
  private Expr power() {
    Expr base = postfix(primary());
    if (!skip("^")) {
      return base;
    }
    if (peek().isCommand("circ") || peek().is("{") && ahead(1).isCommand("circ") && ahead(2).is("}")) {
      at += peek().is("{") ? 3 : 1;
      return postfix(new Expr.Degrees(base));
    }
    if (peek().isCommand("prime") || peek().is("{") && ahead(1).isCommand("prime")) {
      argument();
      return base;
    }
    MathToken next = peek().is("{") ? ahead(1) : peek();
    if ((next.kind() == Kind.WORD || next.kind() == Kind.TEXT) && ORDINAL.contains(next.text())) {
      argument();
      return base;
    }
    return postfix(new Expr.Op('^', base, exponent()));
  }

  private Expr exponent() {
    if (skip("-")) {
      return new Expr.Neg(exponent());
    }
    skip("+");
    Expr e = argument();
    return skip("^") ? new Expr.Op('^', e, exponent()) : e;
  }

  private Expr postfix(Expr base) {
    Expr e = base;
    while (true) {
      budget.spend(1);
      MathToken t = peek();
      if (t.is("!") && !ahead(1).is("=")) {
        take();
        e = new Expr.Call("factorial", List.of(e));
      } else if (t.is("%")) {
        take();
        e = new Expr.Percent(e);
      } else if (t.isCommand("circ")) {
        take();
        e = new Expr.Degrees(e);
      } else if (t.is("'") && e instanceof Expr.Sym s) {
        take();
        e = new Expr.Sym(s.name() + "'");
      } else {
        return e;
      }
    }
  }

  /** The argument of a command: a braced or bracketed group, a whole number, a letter or another command. */
  private Expr argument() {
    MathToken t = peek();
    if (t.is("{") || t.is("(")) {
      return primary();
    }
    if (t.kind() == Kind.NUMBER) {
      take();
      return new Expr.Num(t.value(), t.decimals());
    }
    return primary();
  }

  /** As LaTeX reads it: of an unbraced number only the first digit belongs to the argument. */
  private Expr digitArgument() {
    MathToken t = peek();
    if (t.kind() == Kind.NUMBER && t.text().length() > 1 && t.text().indexOf('.') < 0) {
      String rest = t.text().substring(1);
      tokens.set(at, new MathToken(Kind.NUMBER, rest, Rational.ofDecimal(rest), -1, false));
      return Expr.number(t.text().charAt(0) - '0');
    }
    return argument();
  }

  /** A number, a name, a function of its arguments, or what stands in brackets. */
  private Expr primary() {
    deeper();
    budget.spend(1);
    MathToken t = take();
    Expr e = switch (t.kind()) {
      case NUMBER -> number(t);
      case LETTER -> new Expr.Sym(subscripted(t.text()));
      case WORD -> word(t.text());
      case TEXT -> text(t.text());
      case COMMAND -> command(t.text());
      case OPERATOR -> bracketed(t);
      case END -> throw unexpected();
    };
    depth--;
    return e;
  }

  private static Expr text(String text) {
    Rational n = NumberWords.number(text);
    return n != null ? new Expr.Num(n, -1) : new Expr.Text(text);
  }

  /** A short run of letters is a product, whose last letter takes the exponent: yx^3. */
  private Expr word(String w) {
    Rational n = NumberWords.number(w);
    if (n != null) {
      return new Expr.Num(n, -1);
    }
    if (w.length() > 3) {
      return new Expr.Sym(w);
    }
    Expr product = new Expr.Sym(w.substring(0, 1));
    for (int i = 1; i < w.length(); i++) {
      Expr letter = new Expr.Sym(w.substring(i, i + 1));
      if (i == w.length() - 1 && peek().is("^") && !ahead(1).isCommand("circ")) {
        take();
        letter = new Expr.Op('^', letter, exponent());
      }
      product = new Expr.Op('*', product, letter);
    }
    return product;
  }

  /** A number, perhaps in a base (101_2) or mixed with a proper fraction (1 1/2, 2\frac{1}{3}). */
  private Expr number(MathToken t) {
    boolean integer = t.decimals() < 0 && t.value().isInteger();
    if (integer && skip("_")) {
      int base = argument() instanceof Expr.Num n ? n.value().intOr(0) : 0;
      return new Expr.Num(Rational.inBase(t.text(), base), -1);
    }
    if (integer && peek().isCommand("frac")) {
      Expr f = primary();
      if (f instanceof Expr.Op(char op, Expr.Num a, Expr.Num b) && op == '/' && proper(a, b)) {
        return new Expr.Num(t.value().plus(a.value().dividedBy(b.value())), -1);
      }
      return new Expr.Op('*', new Expr.Num(t.value(), -1), f);
    }
    boolean plainMixed = integer && peek().kind() == Kind.NUMBER && peek().space() && ahead(1).is("/")
        && ahead(2).kind() == Kind.NUMBER;
    if (plainMixed) {
      Expr.Num a = new Expr.Num(peek().value(), peek().decimals());
      Expr.Num b = new Expr.Num(ahead(2).value(), ahead(2).decimals());
      if (proper(a, b)) {
        at += 3;
        return new Expr.Num(t.value().plus(a.value().dividedBy(b.value())), -1);
      }
    }
    return new Expr.Num(t.value(), t.decimals());
  }

  private static boolean proper(Expr.Num a, Expr.Num b) {
    return a.decimals() < 0 && b.decimals() < 0 && a.value().isInteger() && b.value().isInteger()
        && a.value().num().signum() > 0 && a.value().num().compareTo(b.value().num()) < 0;
  }

  /** The name with its subscript: a_1, a_{n+1} (the subscript's text, spaces removed). */
  private String subscripted(String name) {
    if (!skip("_")) {
      return name;
    }
    StringBuilder sub = new StringBuilder(name).append('_');
    if (!peek().is("{")) {
      return sub.append(take().text()).toString();
    }
    int depth = 0;
    do {
      MathToken t = take();
      depth += t.is("{") ? 1 : t.is("}") ? -1 : 0;
      if (t.kind() == Kind.END) {
        throw unexpected();
      }
      if (!t.is("{") && !t.is("}")) {
        sub.append(t.text());
      }
    } while (depth > 0);
    return sub.toString();
  }

  private Expr command(String name) {
    if (FUNCTIONS.contains(name)) {
      return call(name);
    }
    if (ACCENTS.contains(name)) {
      String accent = switch (name) {
        case "overrightarrow" -> "vec";
        case "widehat" -> "hat";
        case "bar" -> "overline";
        default -> name;
      };
      return new Expr.Call(accent, List.of(argument()));
    }
    if (BIG.contains(name)) {
      return big(name);
    }
    if (name.startsWith("begin:")) {
      return matrix(name.substring(6));
    }
    return switch (name) {
      case "frac" -> new Expr.Op('/', digitArgument(), digitArgument());
      case "binom" -> peek().is("(") ? call(name)
          : new Expr.Call("binom", List.of(digitArgument(), digitArgument()));
      case "sqrt" -> root();
      case "cbrt" -> new Expr.Call("root", List.of(Expr.number(3), argument()));
      case "lfloor" -> enclosed("floor", "rfloor");
      case "lceil" -> enclosed("ceil", "rceil");
      case "langle" -> angles();
      case "times", "cdot", "or", "and", "row", "end", "to" -> throw unexpected();
      default -> {
        if (name.startsWith("end:")) {
          throw unexpected();
        }
        yield new Expr.Sym(subscripted(name));
      }
    };
  }

  private Expr root() {
    Expr index = Expr.number(2);
    if (skip("[")) {
      index = additive();
      expect("]");
    }
    return new Expr.Call("root", List.of(index, argument()));
  }

  private Expr enclosed(String function, String close) {
    Expr e = additive();
    if (!peek().isCommand(close)) {
      throw unexpected();
    }
    take();
    return new Expr.Call(function, List.of(e));
  }

  /** The call of function {@code name}, whose name has been taken: its exponent, base and arguments. */
  private Expr call(String name) {
    Expr power = null;
    Expr base = null;
    for (int k = 0; k < 2; k++) {
      if (skip("^")) {
        power = exponent();
      } else if (skip("_")) {
        base = subscript();
      }
    }
    boolean inverse = power instanceof Expr.Neg(Expr.Num n) && n.value().equals(Rational.ONE);
    String f = inverse && name.length() == 3 ? "a" + name : name;
    List<Expr> args = new ArrayList<>();
    MathToken open = peek();
    if (open.is("(") && OF_SEVERAL.contains(name)) {
      Expr inside = primary();
      args.addAll(inside instanceof Expr.Group g ? g.items() : List.of(inside));
    } else if (open.is("(") || open.is("{") || open.is("[") || open.is("|")) {
      args.add(primary());
    } else {
      args.add(bareArgument());
    }
    if (f.equals("log")) {
      f = base == null ? "ln" : "log";
      if (base != null) {
        args.add(base);
      }
    } else if (f.equals("lg")) {
      f = "log";
      args.add(Expr.number(10));
    }
    Expr call = new Expr.Call(f, List.copyOf(args));
    return power == null || !f.equals(name) && inverse ? call : new Expr.Op('^', call, power);
  }

  /** The subscript of a logarithm: \log_28 is the logarithm of 8 to the base 2. */
  private Expr subscript() {
    MathToken t = peek();
    boolean run = t.kind() == Kind.NUMBER && t.text().length() > 1;
    if (run) {
      MathToken next = ahead(1);
      boolean argument = next.kind() == Kind.NUMBER || next.kind() == Kind.LETTER || next.kind() == Kind.COMMAND
          || next.is("(") || next.is("{");
      return argument ? argument() : digitArgument();
    }
    return argument();
  }

  /** \sin 2x: the factors that follow, up to a sign or another function. */
  private Expr bareArgument() {
    if (skip("-")) {
      return new Expr.Neg(bareArgument());
    }
    Expr e = power();
    while (startsFactor() && !(peek().kind() == Kind.COMMAND && FUNCTIONS.contains(peek().text()))
        && !peek().is("(") && !peek().is("[")) {
      e = new Expr.Op('*', e, power());
    }
    if (peek().is("/") && (ahead(1).kind() == Kind.NUMBER) && !(e instanceof Expr.Num)) {
      // sin pi/3 in plain text
      take();
      e = new Expr.Op('/', e, power());
    }
    return e;
  }

  /** A sum, product, integral or limit: its ends as calls "from" and "to", then what it goes over. */
  private Expr big(String name) {
    List<Expr> args = new ArrayList<>();
    while (peek().is("_") || peek().is("^")) {
      boolean lower = take().is("_");
      if (skip("{")) {
        args.add(new Expr.Call(lower ? "from" : "to", List.of(relation())));
        expect("}");
      } else {
        args.add(new Expr.Call(lower ? "from" : "to", List.of(argument())));
      }
    }
    args.add(bareArgument());
    return new Expr.Call(name, List.copyOf(args));
  }

  /** The group that the operator {@code t}, which has been taken, begins. */
  private Expr bracketed(MathToken t) {
    switch (t.text()) {
      case "$" -> {
        return primary();
      }
      case "|" -> {
        insideBars++;
        Expr e = additive();
        insideBars--;
        expect("|");
        return new Expr.Call("abs", List.of(e));
      }
      case "(", "[", "]" -> {
        return group(t.is("(") || t.is("]") ? '(' : '[', t.is("]"));
      }
      case "{", "\\{" -> {
        return braces(t.is("\\{"));
      }
      default -> {
        at--;
        throw unexpected();
      }
    }
  }

  /** Round or square brackets; french ones may be turned outwards, ]0, 1[. */
  private Expr group(char open, boolean french) {
    int bars = insideBars;
    insideBars = 0;
    List<Expr> items = new ArrayList<>();
    char close;
    while (true) {
      MathToken t = peek();
      boolean end = t.is(")") || t.is("]") || t.is("[") && (french || items.size() == 2);
      if (end) {
        take();
        close = t.is("]") ? ']' : ')';
        break;
      }
      if (separatesItems(t)) {
        take();
      } else {
        items.add(relation());
      }
    }
    insideBars = bars;
    if (items.isEmpty()) {
      throw unexpected();
    }
    return items.size() == 1 && !(items.getFirst() instanceof Expr.Group && open == '[') ? items.getFirst()
        : new Expr.Group(open, close, List.copyOf(items));
  }

  /** Braces: a set by its items, a set by a condition (which is what is given), or LaTeX's own grouping. */
  private Expr braces(boolean set) {
    int bars = insideBars;
    insideBars = set ? 1 : bars;
    List<Expr> items = new ArrayList<>();
    boolean commas = false;
    Expr condition = null;
    while (true) {
      MathToken t = peek();
      if (t.is("\\}") || t.is("}")) {
        take();
        break;
      }
      if (separatesItems(t)) {
        commas = true;
        take();
      } else if (set && (t.is("|") || t.is(":")) && items.size() == 1) {
        take();
        insideBars = 0;
        condition = relation();
      } else {
        Expr item = relation();
        if (set && item instanceof Expr.Ratio r && r.parts().size() == 2) {
          throw unexpected();
        }
        if (set && item instanceof Expr.Rel r && r.sides().getFirst() instanceof Expr.Ratio q && q.parts().size() == 2) {
          // {x : x > 3}
          List<Expr> sides = new ArrayList<>(r.sides());
          sides.set(0, q.parts().get(1));
          condition = new Expr.Rel(List.copyOf(sides), r.ops());
        }
        items.add(item);
      }
    }
    insideBars = bars;
    if (condition != null) {
      return condition;
    }
    if (!set && !commas) {
      return items.size() == 1 ? items.getFirst() : new Expr.Text("");
    }
    return items.isEmpty() ? new Expr.Sym("emptyset") : new Expr.SetOf(List.copyOf(items));
  }

  /** A vector in angle brackets, the opening one of which has been taken. */
  private Expr angles() {
    List<Expr> items = new ArrayList<>();
    while (!peek().isCommand("rangle")) {
      items.add(relation());
      if (!skip(",") && !peek().isCommand("rangle")) {
        throw unexpected();
      }
    }
    take();
    return new Expr.Group('<', '>', List.copyOf(items));
  }

  /** An environment whose begin has been taken: a matrix, a determinant, or lines that are answers of their own. */
  private Expr matrix(String environment) {
    if (environment.startsWith("array") && peek().is("{")) {
      while (!take().is("}")) {
        if (peek().kind() == Kind.END) {
          throw unexpected();
        }
      }
    }
    List<List<Expr>> rows = new ArrayList<>();
    List<Expr> row = new ArrayList<>();
    while (true) {
      MathToken t = peek();
      if (t.kind() == Kind.COMMAND && t.text().startsWith("end:")) {
        take();
        break;
      }
      if (skip("&") || skip(",")) {
        continue;
      }
      if (t.isCommand("row")) {
        take();
        rows.add(List.copyOf(row));
        row.clear();
      } else {
        row.add(relation());
      }
    }
    if (!row.isEmpty()) {
      rows.add(List.copyOf(row));
    }
    rows.removeIf(List::isEmpty);
    if (environment.startsWith("align") || environment.startsWith("gather") || environment.equals("cases")) {
      return new Expr.ListOf(rows.stream().flatMap(List::stream).toList(), false);
    }
    if (environment.equals("vmatrix")) {
      return new Expr.Call("det", List.of(new Expr.Matrix(List.copyOf(rows))));
    }
    return new Expr.Matrix(List.copyOf(rows));
  }
}
